#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeps the login role of an application."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_login
short_description: Keep an application's least-privileged login role and its grants
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - The role may log in, read and write rows in the named schemas, and use their sequences. It owns nothing, creates nothing, and is
    no superuser. Default privileges cover tables that the administrator's login makes later.
  - The password is set only where the server refuses it, as a SCRAM verifier that is computed here, so that it is in no server log.
options:
  login:
    description:
      - The application's role, as its secret holds it.
    type: dict
    required: true
    suboptions:
      username:
        description: Name of the role.
        type: str
        required: true
      password:
        description: Its password.
        type: str
        required: true
  schemas:
    description:
      - Schemas whose rows the application reads and writes.
    type: list
    elements: str
    default: [public]
  closed:
    description:
      - What to do with a database whose sessions are read only by default, as a move leaves its target until the cutover.
      - V(refuse) fails and changes nothing. V(allow) makes the rights ready in it.
    type: str
    choices: [refuse, allow]
    default: refuse
  ca_file:
    description:
      - File on this host with the certificate authority of the server, which is always verified in full.
    type: path
    required: true
extends_documentation_fragment:
  - tiketi.platform.postgres.admin
attributes:
  check_mode:
    description: Says what would be done. The grants of a role that does not exist yet are not listed one by one.
    support: full
  diff_mode:
    description: The actions are returned, without the password.
    support: none
requirements:
  - psycopg >= 3.1 (Debian python3-psycopg)
"""

EXAMPLES = r"""
- name: Let the application in
  tiketi.platform.postgres_login:
    admin: "{{ database_with_master_login }}"
    login:
      username: tiketi_app
      password: "{{ app_password }}"
    ca_file: /etc/platform-postgres-ca.pem
"""

RETURN = r"""
actions:
  description: What was done, or would be done.
  returned: success
  type: list
  elements: str
message:
  description: The same in one sentence.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._pg import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.access_api import ensure
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import ENDPOINT_OPTIONS, VERIFIED, endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError

LOGIN = {
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
}

ARGUMENTS = {
    "admin": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "login": {"type": "dict", "required": True, "options": LOGIN},
    "schemas": {"type": "list", "elements": "str", "default": ["public"]},
    "closed": {"type": "str", "choices": ["refuse", "allow"], "default": "refuse"},
    "ca_file": {"type": "path", "required": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if not connect.HAS_PSYCOPG:
        module.fail_json(msg=missing_required_lib("psycopg"))
    given = module.params
    try:
        admin = endpoint("target", given["admin"], VERIFIED, given["ca_file"])
        login = endpoint(
            "target",
            {**given["admin"], **given["login"]},
            VERIFIED,
            given["ca_file"],
        )
        actions = ensure(admin, login, tuple(given["schemas"]), module.check_mode, closed=given["closed"] == "allow")
    except PgError as error:
        module.fail_json(msg=str(error))
    except connect.psycopg.Error as error:
        module.fail_json(msg=f"PostgreSQL refused a statement: {' '.join(str(error).split())}")
    module.exit_json(changed=bool(actions), actions=actions, message="; ".join(actions) or "nothing to do")


if __name__ == "__main__":
    main()
