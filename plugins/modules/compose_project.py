#!/usr/bin/python
# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Keeps the containers of a compose project, and rolls changes out one container at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_project
short_description: Keep the containers of one compose project on this host, rolled out without a break
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Writes C(compose.yml), environment files and secret files, and brings each container to its definition with Docker Engine and its compose plugin, or
    Podman with podman-compose, whichever is there.
  - Replicas are replaced one after another. Each is taken out of the proxy while its requests end, and the next one waits until it is healthy. When one does
    not become healthy, those that were replaced are brought back to what they were, and the error shows its last lines.
  - Secret files are replaced in place and are part of the definition, so that a rotated secret is rolled out as well.
options:
  project:
    description: Name of the project, in front of the name of each container.
    type: str
    required: true
  folder:
    description: Folder on the host for the project's files.
    type: path
    required: true
  services:
    description: The services, in the order in which they are brought up. A container of the project that is not among them is removed; its volumes stay.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the service. Its containers are C(<project>-<name>-<number>).
        type: str
        required: true
      image:
        description: Image with a tag or, better, a digest. One that the host has is not pulled again.
        type: str
        required: true
      replicas:
        description: How many containers.
        type: int
        default: 1
      entrypoint:
        description: Replaces that of the image.
        type: list
        elements: str
        default: []
      command:
        description: Replaces that of the image.
        type: list
        elements: str
        default: []
      environment:
        description: Variables that are not secret, kept in a file with mode 0600.
        type: dict
        default: {}
      secret_owner:
        description: User id in the container that may read its O(secret_files), and no one else.
        type: int
        default: 0
      volumes:
        description: Named volumes or folders of the host, as C(source:target[:ro]).
        type: list
        elements: str
        default: []
      publish:
        description: Ports on the host.
        type: list
        elements: dict
        default: []
        suboptions:
          port:
            description: Port in the container.
            type: int
            required: true
          host_port:
            description: Port on the host, of the first replica; the others take those after it.
            type: int
            required: true
          address:
            description: Address on the host.
            type: str
            default: 127.0.0.1
      user:
        description: User in the container. That of the image when empty.
        type: str
        default: ""
      memory:
        description: Most memory, such as V(512m).
        type: str
        default: ""
      shm_size:
        description: Size of C(/dev/shm), such as V(256m).
        type: str
        default: ""
      read_only:
        description: Mount the image read-only, with a C(/tmp) in memory.
        type: bool
        default: true
      tmpfs:
        description: More folders in memory.
        type: list
        elements: str
        default: []
      capabilities:
        description: Linux capabilities to keep; all others are dropped.
        type: list
        elements: str
        default: []
      stop_grace:
        description: Seconds to finish what is under way before a container is killed.
        type: int
        default: 30
      gate:
        description: When a container is healthy. It only has to run when neither O(services[].gate.path) nor O(services[].gate.command) is given.
        type: dict
        suboptions:
          path:
            description: HTTP path on the first published port that has to answer 200.
            type: str
            default: ""
          command:
            description: Command in the container that has to end with 0.
            type: list
            elements: str
            default: []
          seconds:
            description: How long that may take.
            type: float
            default: 60
  secret_files:
    description:
      - Name and content of files below C(/secrets) in the containers, by the name of the service.
      - Beside the services and not in them, because Ansible's own log of a call hides whole options only.
    type: dict
    default: {}
  front:
    description: The HAProxy before services with several replicas. Its servers are named as the containers, without the project.
    type: dict
    suboptions:
      socket:
        description: Its admin socket.
        type: path
        required: true
      backend:
        description: Its backend.
        type: str
        required: true
attributes:
  check_mode:
    description: Says which containers would be made, replaced or removed. Without an engine on the host nothing can be compared, and it says that.
    support: full
  diff_mode:
    description: The files before and after. Of secrets only the names.
    support: full
requirements:
  - Docker Engine with the compose plugin, or Podman with podman-compose (role container_engine)
"""

EXAMPLES = r"""
- name: Keep two replicas of the shop
  tiketi.platform.compose_project:
    project: shop
    folder: /srv/shop
    services:
      - name: backend
        image: "{{ image_facts['shop'] }}"
        replicas: 2
        publish:
          - {port: 3001, host_port: 3101}
        gate: {path: /health}
    front:
      socket: /run/shop-front/admin.sock
      backend: backend
"""

RETURN = r"""
actions:
  description: What was done, or would be done.
  returned: success
  type: list
  elements: str
notes:
  description: What happened on the way.
  returned: success
  type: list
  elements: str
engine:
  description: Engine and compose with their versions; empty when there is none.
  returned: success
  type: str
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._compose import engine as engines
from ansible_collections.tiketi.platform.plugins.module_utils._compose.apply import Rollout
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError
from ansible_collections.tiketi.platform.plugins.module_utils._compose.files import File, Folder, wanted
from ansible_collections.tiketi.platform.plugins.module_utils._compose.front import Front
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import project
from ansible_collections.tiketi.platform.plugins.module_utils._compose.plan import plan
from ansible_collections.tiketi.platform.plugins.module_utils._compose.render import fingerprints

PUBLISH = {
    "port": {"type": "int", "required": True},
    "host_port": {"type": "int", "required": True},
    "address": {"type": "str", "default": "127.0.0.1"},
}
GATE = {
    "path": {"type": "str", "default": ""},
    "command": {"type": "list", "elements": "str", "default": []},
    "seconds": {"type": "float", "default": 60},
}
SERVICE = {
    "name": {"type": "str", "required": True},
    "image": {"type": "str", "required": True},
    "replicas": {"type": "int", "default": 1},
    "entrypoint": {"type": "list", "elements": "str", "default": []},
    "command": {"type": "list", "elements": "str", "default": []},
    "environment": {"type": "dict", "default": {}},
    "secret_owner": {"type": "int", "default": 0, "no_log": False},
    "volumes": {"type": "list", "elements": "str", "default": []},
    "publish": {"type": "list", "elements": "dict", "default": [], "options": PUBLISH},
    "user": {"type": "str", "default": ""},
    "memory": {"type": "str", "default": ""},
    "shm_size": {"type": "str", "default": ""},
    "read_only": {"type": "bool", "default": True},
    "tmpfs": {"type": "list", "elements": "str", "default": []},
    "capabilities": {"type": "list", "elements": "str", "default": []},
    "stop_grace": {"type": "int", "default": 30},
    "gate": {"type": "dict", "options": GATE},
}
FRONT = {"socket": {"type": "path", "required": True}, "backend": {"type": "str", "required": True}}
ARGUMENTS = {
    "project": {"type": "str", "required": True},
    "folder": {"type": "path", "required": True},
    "services": {"type": "list", "elements": "dict", "required": True, "options": SERVICE},
    "secret_files": {"type": "dict", "default": {}, "no_log": True},
    "front": {"type": "dict", "options": FRONT},
}
WORD = 24  # shorter ones are words of a configuration, and hiding them would make a message unreadable


def shown(files: Mapping[str, File]) -> str:
    """Files for a diff; of a secret only that it is there."""
    parts = [f"# {name}\n{file.content}" for name, file in sorted(files.items()) if not name.startswith("secrets/")]
    return "".join(parts)


def run(given: dict[str, Any], check: bool) -> dict[str, Any]:
    known = given["secret_files"]
    wish = project(given["project"], [{**one, "secret_files": known.get(one["name"])} for one in given["services"]])
    strangers = sorted(set(known) - {service.name for service in wish.services})
    if strangers:
        raise ComposeError(f"secret_files names {', '.join(strangers)}, which is no service. Mend: correct the name")
    folder = Folder(given["folder"])
    engine = engines.find()
    if engine is None and not check:
        raise ComposeError("this host has no container engine with compose. Mend: run the role container_engine")
    definitions = fingerprints(wish, given["folder"], folder.key(make=not check))
    files = wanted(wish, given["folder"], definitions)
    found = engine.containers(wish.name) if engine else {}
    steps = plan(wish, definitions, found)
    before = folder.read()
    secrets = [
        f"write {name}" for name, file in files.items() if name.startswith("secrets/") and before.get(name) != file
    ]
    changed = bool(steps.actions) or before != files
    rollout = None
    if engine and not check:
        rollout = Rollout(engine, folder, Front(**given["front"]) if given["front"] else None)
        rollout.apply(wish, steps, files, found)
    return {
        "changed": changed,
        "actions": [*secrets, *steps.actions],
        "notes": rollout.notes if rollout else [],
        "engine": f"{engine.kind} {engine.version}, {engine.compose[0]} {engine.compose_version}" if engine else "",
        "diff": {"before": shown(before), "after": shown(files)},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    # The last lines of a container may quote a part of a file.
    for files in module.params["secret_files"].values():
        words = {word for text in dict(files or {}).values() for word in re.split(r"[\s\"'=]+", str(text))}
        module.no_log_values.update(word for word in words if len(word) >= WORD)
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except (ComposeError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
