#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeps a certificate authority of one host and the certificate of its servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: private_certificate
short_description: Keep a certificate authority of a host and the certificate of its servers
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Makes C(ca.pem), C(ca.key), C(server.pem) and C(server.key) in a folder that only root reads, and issues the certificate anew when its names change or
    its end is near. The keys never leave the host.
  - Each authority has a subject of its own, so that the authorities of several hosts can stand in one bundle.
options:
  folder:
    description: Folder of the four files.
    type: path
    required: true
  label:
    description: What the subject of the authority begins with.
    type: str
    required: true
  names:
    description: Names and addresses by which clients reach the servers.
    type: list
    elements: str
    required: true
  days:
    description: Days that the certificate of the servers is valid.
    type: int
    default: 397
  renew_days:
    description: Days before its end at which it is issued anew.
    type: int
    default: 60
attributes:
  check_mode:
    description: Says what would be made.
    support: full
  diff_mode:
    description: The actions are returned.
    support: none
requirements:
  - cryptography (Debian python3-cryptography)
"""

EXAMPLES = r"""
- name: Keep the certificate of the database
  tiketi.platform.private_certificate:
    folder: /etc/platform-stores
    label: shop single app-1
    names: [10.0.1.10, localhost]
"""

RETURN = r"""
actions:
  description: What was done, or would be done.
  returned: success
  type: list
  elements: str
authority:
  description: The certificate of the authority, which is not secret. Empty in check mode while there is none.
  returned: success
  type: str
fingerprint:
  description: Fingerprint of the certificate of the servers, to tell a new one. Empty in check mode while there is none.
  returned: success
  type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.tiketi.platform.plugins.module_utils._certificate import authority

ARGUMENTS = {
    "folder": {"type": "path", "required": True},
    "label": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "days": {"type": "int", "default": 397},
    "renew_days": {"type": "int", "default": 60},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    if not authority.HAS_CRYPTOGRAPHY:
        if module.check_mode:
            module.exit_json(
                changed=True, actions=["make the authority", "issue the certificate"], authority="", fingerprint=""
            )
        module.fail_json(msg=missing_required_lib("cryptography"))
    if not given["names"]:
        module.fail_json(msg="names is empty. Mend: give the addresses by which clients reach the servers")
    wish = authority.Wish(
        Path(given["folder"]), given["label"], tuple(given["names"]), given["days"], given["renew_days"]
    )  # fmt: skip
    try:
        actions = authority.look(wish) if module.check_mode else authority.ensure(wish)
        known = wish.folder / "ca.pem"
        mark = authority.fingerprint(wish)
        text = known.read_text(encoding="ascii") if known.exists() else ""
    except OSError as error:
        module.fail_json(msg=f"{given['folder']}: {error}. Mend: become root")
    module.exit_json(changed=bool(actions), actions=actions, authority=text, fingerprint=mark)


if __name__ == "__main__":
    main()
