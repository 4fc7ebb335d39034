"""PostgreSQL servers and how they are verified."""

from __future__ import annotations

_ENDPOINT = """
      host:
        description: Name or address of the server, as this host reaches it.
        type: str
        required: true
      port:
        description: Port of the server.
        type: int
        default: 5432
      dbname:
        description: Name of the database.
        type: str
        required: true
      username:
        description: Login role.
        type: str
        required: true
      password:
        description: Password of the login role. It never goes to a command line.
        type: str
        required: true
"""
_SOURCE = f"""
  source:
    description: The database to move.
    type: dict
    required: true
    suboptions: {_ENDPOINT}
  source_sslmode:
    description: How the source's server is verified by this host. Any other than V(verify-full) is named by the move in its notices.
    type: str
    choices: [disable, require, verify-ca, verify-full]
    default: verify-full
  source_ca_file:
    description: File on this host with the certificate authority of the source, needed to verify it.
    type: path
    default: ""
"""


class ModuleDocFragment:
    """The arguments are in module_utils/_pg/endpoint.py."""

    # Of a server that is administered.
    ADMIN = rf"""
options:
  admin:
    description: The database, and the login that owns its objects.
    type: dict
    required: true
    suboptions: {_ENDPOINT}
"""

    # Of a move that is weighed before its target exists.
    SOURCE = rf"""
options:
{_SOURCE}
"""

    # Of a move from one server to another.
    ENDS = rf"""
options:
{_SOURCE}
  target:
    description: The empty database that it goes to. Its server is always verified in full.
    type: dict
    required: true
    suboptions: {_ENDPOINT}
  target_ca_file:
    description: File on this host with the certificate authority of the target.
    type: path
    required: true
"""
