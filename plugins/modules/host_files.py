#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeps the files and folders that belong to one service of a host, in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Keep a set of files and folders of this host, each replaced at once
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - What a list of tasks of C(ansible.builtin.file), C(ansible.builtin.copy) and C(ansible.builtin.template) does for a service, in one call for all.
  - Every fault of the list is told before the first file is touched. Then they are brought to their state in the order given.
  - A file is written beside its place, with its owner and mode, checked by O(files[].validate), and moved there. A file that is refused leaves the old one.
options:
  files:
    description: The files and folders. A folder comes before what is in it.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      state:
        description: A folder is removed only when it is empty.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: The whole text of the file.
        type: str
      secret:
        description: As O(files[].content), of a file that no log and no diff may show.
        type: str
      owner:
        description: Name or number. That of the user who runs the module when not given.
        type: str
      group:
        description: Name or number. That of the user who runs the module when not given.
        type: str
      mode:
        description: Octal, as V("0640"). V("0644") for a file and V("0755") for a folder when not given.
        type: str
      keep:
        description: Leave the content of a file that is there as it is.
        type: bool
        default: false
      validate:
        description:
          - Command that must end with 0 before the file is taken. V(%s) in it is the new file.
          - Not run in check mode, where files that it names may be missing.
        type: list
        elements: str
        default: []
extends_documentation_fragment:
  - tiketi.platform.attributes.changes
attributes:
  diff_mode:
    description: Each file before and after; of a secret one only that it differs.
    support: full
"""

EXAMPLES = r"""
- name: Keep the settings of the proxy
  tiketi.platform.host_files:
    files:
      - {path: /etc/proxy, state: directory}
      - path: /etc/proxy/proxy.cfg
        content: "{{ lookup('ansible.builtin.template', 'proxy.cfg.j2') }}"
        validate: [/usr/sbin/haproxy, -c, -f, "%s"]
      - path: /etc/proxy/password
        secret: "{{ proxy_password }}"
        mode: "0600"
  notify: Reload the proxy
"""

RETURN = r"""
changed_files:
  description: Paths that were changed, or would be in check mode.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._host_files import host
from ansible_collections.tiketi.platform.plugins.module_utils._host_files.model import Wanted, diff, differs, faults
from ansible_collections.tiketi.platform.plugins.module_utils._host_files.read import wanted_of

FILES = {
    "path": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
    "content": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
    "keep": {"type": "bool", "default": False},
    "validate": {"type": "list", "elements": "str", "default": []},
}


def argument_spec() -> dict[str, dict[str, object]]:
    return {"files": {"type": "list", "elements": "dict", "required": True, "options": FILES}}


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    wanted, told = wanted_of(module.params["files"])
    found = [host.look(one.path) for one in wanted]
    told += faults(wanted, found, host.folders(wanted))
    if told:
        module.fail_json(msg="Nothing was touched:\n" + "\n".join(f"- {fault}" for fault in told))
    changes = [(one, there) for one, there in zip(wanted, found, strict=True) if differs(one, there)]
    if not module.check_mode:
        _apply(module, changes)
    module.exit_json(
        changed=bool(changes),
        changed_files=[one.path for one, _ in changes],
        **({"diff": [diff(one, there) for one, there in changes]} if module._diff else {}),
    )


def _apply(module: AnsibleModule, changes: list[tuple[Wanted, host.Found]]) -> None:
    def label(path: str) -> None:
        module.set_context_if_different(path, module.selinux_default_context(path), False)

    done: list[str] = []
    for one, there in changes:
        try:
            host.bring(one, there, label)
        except (host.HostFilesError, OSError) as error:
            before = f" Changed before it: {', '.join(done)}." if done else ""
            module.fail_json(msg=f"{error}{before}", changed=bool(done), changed_files=done)
        done.append(one.path)


if __name__ == "__main__":
    main()
