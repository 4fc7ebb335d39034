#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeps the certificate authorities of a PgBouncer, and none is lost that a database still needs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_authorities
short_description: Keep the file of the certificate authorities that PgBouncer verifies its servers with
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Of the databases only the servers count.
  - Writes the declared authorities. While a database stays on a server that is not the declared one, since a move of data led it there, every authority
    that the file has stays as well, because one of them verifies that server.
options:
  authorities:
    description: Certificates of the declared authorities, each text with one or more of them.
    type: list
    elements: str
    required: true
  path:
    description: The file of the authorities.
    type: path
    default: /etc/pgbouncer/server-ca.pem
  databases_file:
    description: PgBouncer's include file with the servers that are active.
    type: path
    default: /etc/pgbouncer/databases.ini
extends_documentation_fragment:
  - tiketi.platform.pgbouncer
attributes:
  check_mode:
    description: Compares, and writes nothing.
    support: full
  diff_mode:
    description: The file before and after.
    support: full
"""

EXAMPLES = r"""
- name: Verify the servers by the authority of the shop
  tiketi.platform.pgbouncer_authorities:
    authorities: ["{{ lookup('ansible.builtin.file', 'shop-ca.pem') }}"]
    databases: [{name: shop, host: 10.0.1.10}]
"""

RETURN = r"""
count:
  description: Certificates in the file.
  returned: success
  type: int
kept:
  description: Certificates that are not declared and stay for the sake of a database that is elsewhere.
  returned: success
  type: int
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import args
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.authorities import bundle, certificates, render
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.declare import declare
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import INCLUDE, read

ARGUMENTS = {
    **args.ARGUMENTS,
    "authorities": {"type": "list", "elements": "str", "required": True},
    "path": {"type": "path", "default": "/etc/pgbouncer/server-ca.pem"},
    "databases_file": {"type": "path", "default": INCLUDE},
}


def look(given: dict[str, Any]) -> dict[str, Any]:
    """What the file holds and what it shall hold."""
    path = Path(given["path"])
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    declared = args.servers(given["databases"])
    kept = declare(read(given["databases_file"]), declared, given["active"]).kept
    wanted = bundle(given["authorities"], before, bool(kept))
    own = set(certificates("\n".join(given["authorities"])))
    # The order decides nothing, so a file of an older run stays as it is.
    changed = not path.exists() or set(certificates(before)) != set(wanted)
    after = render(wanted) if changed else before
    counts = {"count": len(wanted), "kept": len(set(wanted) - own)}
    return {"changed": changed, **counts, "diff": {"before": before, "after": after}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        found = look(module.params)
        if found["changed"] and not module.check_mode:
            temporary = Path(module.tmpdir) / "server-ca.pem"
            temporary.write_text(found["diff"]["after"], encoding="utf-8")
            module.atomic_move(str(temporary), module.params["path"])
            Path(module.params["path"]).chmod(0o644)  # PgBouncer reads it as its own user, whatever root's umask
        module.exit_json(**found)
    except (PgBouncerError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
