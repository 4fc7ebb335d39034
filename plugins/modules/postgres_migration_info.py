#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Says where a move of a PostgreSQL database stands."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_migration_info
short_description: Say where the move of a PostgreSQL database stands
version_added: 1.1.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Reads the journal of M(tiketi.platform.postgres_migration) on this host, or what the move left on the servers when this host has none.
    Waits for no lock, so that a run in progress may be looked at.
extends_documentation_fragment:
  - tiketi.platform.postgres_migration
  - tiketi.platform.postgres.ends
  - tiketi.platform.attributes.reads
"""

EXAMPLES = r"""
- name: Look where the move stands
  tiketi.platform.postgres_migration_info:
    source: "{{ old_database }}"
    target: "{{ new_database }}"
    source_ca_file: /etc/ssl/platform/old.pem
    target_ca_file: /etc/ssl/platform/aurora.pem
"""

RETURN = r"""
phase:
  description: Where the move stands, as in M(tiketi.platform.postgres_migration).
  returned: success
  type: str
message:
  description: The same in a sentence, with what comes next.
  returned: success
  type: str
remaining:
  description: Verbs that lead from here to applications that write to the target.
  returned: success
  type: list
  elements: str
folder:
  description: Where the move's journal and reports (C(report.json), C(report.html)) are on this runner.
  returned: success
  type: str
steps:
  description: Verbs that were done, with their seconds and findings.
  returned: success
  type: list
  elements: dict
progress:
  description: The last known progress of a long verb.
  returned: success
  type: dict
way_back:
  description:
    - How the source follows the target after the cutover, as C(exists), C(enabled), C(connected), C(lost), C(lag_bytes), C(shapes) (a schema that was changed),
      C(safe_wal_size), C(name) and C(reason) (why it does not connect, where that could be found out).
    - Empty where there is no way back, or where it could not be looked at.
  returned: success
  type: dict
slot:
  description:
    - What the source keeps for the target until the cutover, as C(name), C(active), C(wal_status), C(safe_wal_size) (bytes until it is lost),
      C(retained_bytes) and C(seconds) (its age). Empty where there is none, or where it could not be looked at.
  returned: success
  type: dict
notices:
  description: Servers that could not be asked, and what endangers the way back, with its mend.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._pg import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import args, status


def main() -> None:
    module = AnsibleModule(argument_spec={**args.END_ARGUMENTS, **args.SETTING_ARGUMENTS}, supports_check_mode=True)
    if module.check_mode and not (connect.HAS_PSYCOPG and Path(module.params["target_ca_file"]).exists()):
        message = "this host is not prepared yet (role data_runner), so nothing can be looked at"
        module.exit_json(
            phase="unknown", message=message, remaining=[], steps=[], progress={}, way_back={}, slot={}, notices=[]
        )
    if not connect.HAS_PSYCOPG:
        module.fail_json(msg=missing_required_lib("psycopg"))
    try:
        result = status.look(args.context(module.params))
    except PgError as error:
        module.fail_json(msg=str(error))
    except connect.psycopg.Error as error:
        module.fail_json(msg=f"PostgreSQL refused a statement: {' '.join(str(error).split())}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
