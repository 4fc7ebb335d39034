#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Says where a host leads its applications, and whether that is where an inventory declares the stores."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stores_lead_info
short_description: Say which servers PgBouncer and the Redis proxy of a host lead applications to
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Reads the two files that say which server is active. A move of data changes them, and no inventory is asked for that; so an inventory of the time
    before a move can be told from one of the time after it.
options:
  declared:
    description: Names or addresses of the hosts whose stores the inventory declares. Two names of one host count as one.
    type: list
    elements: str
    required: true
  databases:
    description: Databases of PgBouncer that are looked at; all when empty.
    type: list
    elements: str
    default: []
  migration_folders:
    description: Folders of the journals of moves, which say when one was.
    type: list
    elements: path
    default: [/var/lib/platform_migration, /var/lib/platform_redis_migration]
extends_documentation_fragment:
  - tiketi.platform.attributes.reads
  - tiketi.platform.stores
"""

EXAMPLES = r"""
- name: Look where applications are led
  tiketi.platform.stores_lead_info:
    declared: [10.0.1.10]
    databases: [shop]
  register: leads
"""

RETURN = r"""
leads:
  description: Each database of PgBouncer, and Redis, with the server that applications are led to.
  returned: success
  type: list
  elements: dict
  sample: [{"what": "database shop", "host": "10.0.1.10", "port": 5432}]
elsewhere:
  description: A sentence for each that is led to a host that is not declared.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._leads.errors import LeadError
from ansible_collections.tiketi.platform.plugins.module_utils._leads.judge import elsewhere, sentence
from ansible_collections.tiketi.platform.plugins.module_utils._leads.look import journals, leads, same_host

ARGUMENTS = {
    "declared": {"type": "list", "elements": "str", "required": True},
    "databases": {"type": "list", "elements": "str", "default": []},
    "pooler_file": {"type": "path", "default": "/etc/pgbouncer/databases.ini"},
    "proxy_config": {"type": "path", "default": "/etc/redis-proxy/haproxy.cfg"},
    "migration_folders": {
        "type": "list",
        "elements": "path",
        "default": ["/var/lib/platform_migration", "/var/lib/platform_redis_migration"],
    },
}


def run(given: dict[str, Any]) -> dict[str, Any]:
    found = leads(Path(given["pooler_file"]), Path(given["proxy_config"]), given["databases"])
    known = journals([Path(folder) for folder in given["migration_folders"]])
    return {
        "changed": False,
        "leads": [{"what": lead.what, "host": lead.host, "port": lead.port} for lead in found],
        "elsewhere": [sentence(lead, known) for lead in elsewhere(found, given["declared"], same_host)],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(**run(module.params))
    except (LeadError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
