#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Says how long a move of a PostgreSQL database would take, before its target exists."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_migration_estimate
short_description: Say how long the move of a PostgreSQL database would take
version_added: 1.1.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Reads the catalogs of the source alone, so that a move can be weighed before anything is made for it. The seconds are those of a simple model, as
    the preflight of M(tiketi.platform.postgres_migration) says them; that one looks at both servers and at what hinders the move, too.
options:
  jobs:
    description: Workers that would copy, build indexes and compare.
    type: int
    default: 4
  rate_limit:
    description: Bytes a second that all workers together would read from the source; V(0) is no limit.
    type: int
    default: 0
  compare:
    description: What would be compared in the freeze, as in M(tiketi.platform.postgres_migration).
    type: str
    choices: [changed, full]
    default: changed
extends_documentation_fragment:
  - tiketi.platform.postgres.source
  - tiketi.platform.attributes.reads
"""

EXAMPLES = r"""
- name: Weigh the move
  tiketi.platform.postgres_migration_estimate:
    source: "{{ old_database }}"
    source_ca_file: /etc/ssl/platform/old.pem
"""

RETURN = r"""
message:
  description: The estimate in a sentence; in check mode, on a host that is not prepared yet, why there is none.
  returned: success
  type: str
estimate:
  description:
    - C(tables), C(rows), C(bytes) of tables, C(index_bytes), C(unlogged_bytes) and C(target_bytes) that the target needs; C(seed_seconds) and
      C(verify_seconds) while users work, and C(freeze_seconds) in which their writes wait. Empty on a host that is not prepared yet.
  returned: success
  type: dict
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.limits import outside
from ansible_collections.tiketi.platform.plugins.module_utils._pg import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import (
    ENDPOINT_OPTIONS,
    SSL_MODES,
    VERIFIED,
    endpoint,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.args import SETTING_ARGUMENTS
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.limits import LEAST, MOST
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import estimate, weight

WEIGHED = ("jobs", "rate_limit", "compare")
APPLICATION = "platform_migration/estimate"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
            "source_sslmode": {"type": "str", "choices": list(SSL_MODES), "default": VERIFIED},
            "source_ca_file": {"type": "path", "default": ""},
            **{name: SETTING_ARGUMENTS[name] for name in WEIGHED},
        },
        supports_check_mode=True,
    )
    given = module.params
    ca_file = given["source_ca_file"]
    if module.check_mode and not (connect.HAS_PSYCOPG and (not ca_file or Path(ca_file).exists())):
        message = "this host is not prepared yet (role data_runner), so nothing can be estimated"
        module.exit_json(changed=False, message=message, estimate={})
    if not connect.HAS_PSYCOPG:
        module.fail_json(msg=missing_required_lib("psycopg"))
    wrong = outside(given, {name: LEAST[name] for name in WEIGHED if name in LEAST}, MOST)
    if wrong:
        module.fail_json(msg="; ".join(wrong))
    settings = Settings(jobs=given["jobs"], rate_limit=given["rate_limit"], verify=given["compare"])
    try:
        source = endpoint("source", given["source"], given["source_sslmode"], ca_file)
        with connect.connect(source, APPLICATION) as session:
            found = weight.estimated(session, settings)
    except PgError as error:
        module.fail_json(msg=str(error))
    except connect.psycopg.Error as error:
        module.fail_json(msg=f"PostgreSQL refused a statement: {' '.join(str(error).split())}")
    module.exit_json(changed=False, message=estimate.words(found), estimate=found)


if __name__ == "__main__":
    main()
