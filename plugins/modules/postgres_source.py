#!/usr/bin/python
# Copyright: Contributors to the tiketi.platform collection
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Makes an existing PostgreSQL ready to be moved by logical replication."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_source
short_description: Make an existing PostgreSQL ready to be the source of a move by logical replication
version_added: 1.0.0
author:
  - The tiketi.platform developers (@tiketi)
description:
  - Runs on the host of the server, as root. Finds PostgreSQL 13 or newer by looking, as a service of the host or in a container
    of Docker or Podman, alone or by compose.
  - Sets what a publisher needs by ALTER SYSTEM, which outlives a container since it lies beside the data; a certificate where the
    server has none; lines of pg_hba.conf for one login from given networks; and that login, with its password as a SCRAM verifier.
  - What needs a restart is collected, announced in RV(announcement) and done once, where O(restart=allowed). A server that does not
    come back gets the settings that it had before, and is started again.
  - What is not ours to change is named in RV(blockers) with its mend, such as a port of a compose file that is published on the
    loopback only.
options:
  state:
    description:
      - V(absent) takes back the lines of pg_hba.conf, the login, and the settings that still are as this module left them. TLS,
        listen_addresses and the encryption of passwords stay, since others may rely on them by now.
    type: str
    choices: [present, absent]
    default: present
  where:
    description: Where to look for the server.
    type: str
    choices: [auto, service, container]
    default: auto
  container:
    description: Name of the container, or of its service in a compose file. Needed where several servers run.
    type: str
    default: ""
  engine:
    description: Which engine to ask for containers.
    type: str
    choices: [auto, docker, podman]
    default: auto
  data_directory:
    description: Data directory of a service that is not where Debian and the PostgreSQL project put them.
    type: path
    default: ""
  admin_username:
    description: A superuser. By default POSTGRES_USER of a container, the owner of the data directory of a service.
    type: str
    default: ""
  admin_password:
    description: Its password, where the local socket asks for one.
    type: str
    default: ""
  login:
    description: The login that subscribers use.
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
      existing:
        description: The role is somebody else's, such as the superuser. It is looked at, and never changed.
        type: bool
        default: false
  cidrs:
    description: Networks that subscribers come from. They are let in with TLS and SCRAM only.
    type: list
    elements: str
    default: []
  databases:
    description: Databases to be moved. By default all, without C(postgres) unless there is no other.
    type: list
    elements: str
    default: []
  address:
    description: Address or name of this host as subscribers reach it. By default the one that it has towards others.
    type: str
    default: ""
  names:
    description: Further names and addresses in a certificate that is made here.
    type: list
    elements: str
    default: []
  tls:
    description: The server's certificate.
    type: dict
    default: {}
    suboptions:
      mode:
        description:
          - V(auto) keeps a certificate that somebody chose, and makes one where TLS is off or where it is Debian's C(snakeoil).
            V(own) makes one, signed by an authority for this server alone. V(given) takes files of this host. V(keep) changes nothing.
        type: str
        choices: [auto, own, given, keep]
        default: auto
      certificate:
        description: File with the certificate and its chain, for O(tls.mode=given).
        type: path
        default: ""
      key:
        description: File with its key, without a passphrase.
        type: path
        default: ""
      ca:
        description: File with the authority of a certificate that is given or kept, to verify what the server serves.
        type: path
        default: ""
  max_wal_senders:
    description: The least that is wanted; four more than are in use now, where that is more.
    type: int
    default: 10
  max_replication_slots:
    description: The least that is wanted; four more than are in use now, where that is more.
    type: int
    default: 10
  max_worker_processes:
    description: The least that is wanted. The way back of a move makes the source a subscriber.
    type: int
    default: 8
  max_logical_replication_workers:
    description: The least that is wanted.
    type: int
    default: 4
  slot_wal_limit:
    description: Bytes of WAL that a slot may keep, set where there is no limit; half of what is free beside the WAL where that is less.
    type: int
    default: 10737418240
  restart:
    description: V(refuse) leaves a restart that is needed to you, and says how. V(allowed) does it, once.
    type: str
    choices: [refuse, allowed]
    default: refuse
  restart_timeout:
    description: Seconds that the server may take to answer again.
    type: int
    default: 120
  stop_timeout:
    description: Seconds that a container gets to stop; its own timeout where that is longer.
    type: int
    default: 120
  folder:
    description: Private folder on this host for the authority and for what the settings were before.
    type: path
    default: /var/lib/platform_source
attributes:
  check_mode:
    description: Looks, says what would be done, and changes nothing.
    support: full
  diff_mode:
    description: Settings and the lines of pg_hba.conf.
    support: full
requirements:
  - openssl on the host, where a certificate is made
"""

EXAMPLES = r"""
- name: Prepare the PostgreSQL of a compose project, days before the move
  tiketi.platform.postgres_source:
    container: db
    login:
      username: mover
      password: "{{ mover_password }}"
    cidrs: [10.0.16.0/20]
  register: source

- name: Restart it in the maintenance window
  tiketi.platform.postgres_source:
    container: db
    login:
      username: mover
      password: "{{ mover_password }}"
    cidrs: [10.0.16.0/20]
    restart: allowed
"""

RETURN = r"""
ready:
  description: Whether a move can begin. Nothing is pending, and nothing stands in the way.
  returned: when O(state=present)
  type: bool
actions:
  description: What was done, or would be done.
  returned: success
  type: list
  elements: str
blockers:
  description: What stands in the way and is not ours to change, each with its mend.
  returned: when O(state=present)
  type: list
  elements: str
notices:
  description: What a person should know.
  returned: success
  type: list
  elements: str
pending_restart:
  description: Settings of ours that wait for a restart.
  returned: success
  type: list
  elements: str
announcement:
  description: What the restart is for, how long the last start took, how it is done, and who is connected.
  returned: when O(state=present), empty where no restart is or was needed
  type: list
  elements: str
clients:
  description: Who is connected, as C(user), C(application), C(address), C(sessions), C(busy_seconds).
  returned: when O(state=present)
  type: list
  elements: dict
restart:
  description: The restart that was done, as C(downtime_seconds) (measured from the order to the first answer) and C(how).
  returned: when O(state=present)
  type: dict
publisher:
  description:
    - Where subscribers reach the server, as C(host), C(port), C(username), C(ca) (its authority as PEM, empty when not known)
      and C(verified) (reached at that address from this host, with a certificate that is good for it).
  returned: when O(state=present)
  type: dict
where:
  description: What was found, as C(label), C(image), C(data_directory), C(version), C(databases), C(identifier).
  returned: when O(state=present)
  type: dict
message:
  description: The same in one sentence.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import args
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.remove import remove
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.run import prepare


def main() -> None:
    module = AnsibleModule(argument_spec=args.ARGUMENTS, supports_check_mode=True)
    try:
        choice, admin, wanted = args.read(module.params)
        verb = prepare if module.params["state"] == "present" else remove
        result = verb(choice, admin, wanted, module.check_mode)
    except PgError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
