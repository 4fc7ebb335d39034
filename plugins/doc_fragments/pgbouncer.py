"""The databases of a PgBouncer."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules of role pgbouncer are both told; the arguments are in module_utils/_pgbouncer/args.py."""

    DOCUMENTATION = r"""
options:
  databases:
    description: All databases of this PgBouncer, each once. One that is not listed any more goes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name that applications connect to.
        type: str
        required: true
      host:
        description: Name or address of the server.
        type: str
        required: true
      port:
        description: Port of the server.
        type: int
        default: 5432
      dbname:
        description: Name of the database on the server. That of the entry when absent.
        type: str
      user:
        description: Login at the server for every client. Each client's own when absent.
        type: str
        default: ""
      password:
        description: Password of O(databases[].user).
        type: str
        default: ""
      connect_query:
        description: Statement run on each new connection to the server.
        type: str
        default: ""
      pool_size:
        description: Connections to the server at most. V(0) is PgBouncer's default for all.
        type: int
        default: 0
  active:
    description: V(keep) leaves a database on the server that it is on, V(set) leads it to the declared one.
    type: str
    choices: [keep, set]
    default: keep
"""
