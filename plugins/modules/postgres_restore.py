#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Moves a PostgreSQL database to an empty one and proves it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_restore
short_description: Move a PostgreSQL database to an empty one by dump and restore, and prove that nothing was lost
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Dumps the source in one snapshot (directory format, parallel, not compressed), restores it as a role that need not be a superuser,
    and compares both sides - rows and their hashes, sequences, large objects, constraints, indexes, extensions.
  - Runs on a host that reaches both servers. A journal there and a marker on the target make it safe to repeat. A finished move
    is left alone, an interrupted one goes on, and a target that holds anything else is refused.
  - Writers of the source must be stopped. What they write after the dump is found by the verification, which then fails.
  - Passwords go to files of mode 0600 for the length of a step.
options:
  step:
    description:
      - C(plan) looks only. C(dump), C(restore) and C(verify) do that step where it is still to do. C(all) does what is left.
    type: str
    choices: [plan, dump, restore, verify, all]
    default: all
  folder:
    description:
      - Private folder on the runner for the journal and, until the move is finished, the dump.
    type: path
    default: /var/lib/platform_restore
  jobs:
    description:
      - Workers that dump, restore and compare.
    type: int
    default: 4
  maintenance_work_mem:
    description:
      - Memory of each worker of the target that builds an index.
    type: str
    default: 256MB
  verify:
    description:
      - C(once) trusts a finished move. C(always) compares the target again with what was dumped.
    type: str
    choices: [once, always]
    default: once
  source_writes:
    description:
      - C(refuse) fails when the source was written to after the dump. C(allow) is for rehearsals on a living source.
    type: str
    choices: [refuse, allow]
    default: refuse
  keep_dump:
    description:
      - Keep the dump after the move. It holds the data in clear text.
    type: bool
    default: false
  client_folder:
    description:
      - Folder of C(pg_dump) and C(pg_restore). Empty looks where Debian and PGDG put the target's major version.
    type: str
    default: ""
  lock_wait:
    description:
      - Seconds to wait for another run of the same move on this host.
    type: int
    default: 3600
extends_documentation_fragment:
  - tiketi.platform.postgres.ends
attributes:
  check_mode:
    description: Looks at both servers, says what would be done, how much and how long. Changes nothing.
    support: full
  diff_mode:
    description: There is no text to compare.
    support: none
requirements:
  - psycopg >= 3.1 (Debian python3-psycopg)
  - PostgreSQL client of the target's major version
"""

EXAMPLES = r"""
- name: Move the database of the old host to Aurora
  tiketi.platform.postgres_restore:
    source: "{{ old_database }}"
    target: "{{ new_database }}"
    source_ca_file: /etc/ssl/platform/old-host.pem
    target_ca_file: /etc/ssl/platform/aurora.pem
"""

RETURN = r"""
phase:
  description: Where the move stands (new, dumped, restoring, restored, rejected, finished).
  returned: success
  type: str
remaining:
  description: Steps still to do.
  returned: success
  type: list
  elements: str
estimate:
  description: Seconds that each remaining step is guessed to take.
  returned: when O(step=plan) or in check mode
  type: dict
steps:
  description: Steps of this run with their seconds and bytes.
  returned: success
  type: list
  elements: dict
report:
  description: What was compared, table by table.
  returned: after verification
  type: dict
message:
  description: The run in one sentence.
  returned: success
  type: str
notices:
  description: What is worth knowing, such as a leg that is not verified or an event trigger that is not moved.
  returned: success
  type: list
  elements: str
findings:
  description: Reasons of a refusal, each with its mend.
  returned: when refused
  type: list
  elements: str
differences:
  description: Where the target is not the source.
  returned: when the verification fails
  type: list
  elements: str
"""

import traceback
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._pg import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import (
    ENDPOINT_OPTIONS,
    SSL_MODES,
    VERIFIED,
    endpoint,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Options
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.run import restore

ARGUMENTS = {
    "step": {"type": "str", "choices": ["plan", "dump", "restore", "verify", "all"], "default": "all"},
    "source": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "target": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "source_sslmode": {"type": "str", "choices": list(SSL_MODES), "default": VERIFIED},
    "source_ca_file": {"type": "path", "default": ""},
    "target_ca_file": {"type": "path", "required": True},
    "folder": {"type": "path", "default": "/var/lib/platform_restore"},
    "jobs": {"type": "int", "default": 4},
    "maintenance_work_mem": {"type": "str", "default": "256MB"},
    "verify": {"type": "str", "choices": ["once", "always"], "default": "once"},
    "source_writes": {"type": "str", "choices": ["refuse", "allow"], "default": "refuse"},
    "keep_dump": {"type": "bool", "default": False},
    "client_folder": {"type": "str", "default": ""},
    "lock_wait": {"type": "int", "default": 3600},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    if module.check_mode and not (connect.HAS_PSYCOPG and Path(given["target_ca_file"]).exists()):
        message = (
            "this host is not prepared yet (role data_runner), so nothing can be looked at; the database would be moved"
        )
        module.exit_json(changed=True, phase="unknown", remaining=[], steps=[], report={}, notices=[], message=message)
    if not connect.HAS_PSYCOPG:
        module.fail_json(msg=missing_required_lib("psycopg"))
    options = Options(**{key: given[key] for key in Options.__dataclass_fields__})
    try:
        source = endpoint("source", given["source"], given["source_sslmode"], given["source_ca_file"])
        target = endpoint("target", given["target"], VERIFIED, given["target_ca_file"])
        result = restore(source, target, Path(given["folder"]), options, given["step"], module.check_mode)
    except PgError as error:
        details = {key: getattr(error, key) for key in ("findings", "differences") if hasattr(error, key)}
        module.fail_json(msg=str(error), **details)
    except connect.psycopg.Error as error:
        module.fail_json(
            msg=f"PostgreSQL refused a statement: {' '.join(str(error).split())}", exception=traceback.format_exc()
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
