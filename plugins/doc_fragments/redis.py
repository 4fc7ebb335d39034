"""Redis servers, and what their keys are."""

from __future__ import annotations

_ENDPOINT = """
      host:
        description: Name or address of the server. With TLS the certificate must carry it.
        type: str
        required: true
      port:
        description: Port of the server.
        type: int
        default: 6379
      username:
        description: Login; empty is the server's default user.
        type: str
        default: ""
      password:
        description: Password or token of the login.
        type: str
        default: ""
      tls:
        description: Whether the server speaks TLS; it is then verified in full. The target of a move must.
        type: bool
        default: true
      ca_file:
        description: File on this host with the certificate authority. Empty is the trust store of the system.
        type: str
        default: ""
"""


class ModuleDocFragment:
    """The arguments are in module_utils/_redis_migration/args.py."""

    # The server to move, and what is moved of it.
    SOURCE = rf"""
options:
  source:
    description: The server to move.
    type: dict
    required: true
    suboptions: {_ENDPOINT}
  keys:
    description: What keys are, by glob; the first that matches holds. Keys that no entry matches are state.
    type: list
    elements: dict
    default: []
    suboptions:
      keys:
        description: Glob over the name of the key, such as C(cache:*).
        type: str
        required: true
      kind:
        description: C(state) is moved and compared. C(cache) stays behind and is emptied on the side that applications come to. C(skip) is not touched.
        type: str
        choices: [state, cache, skip]
        required: true
  copy_cache:
    description: Move what is declared as cache, too.
    type: bool
    default: false
"""

    TARGET = rf"""
options:
  target:
    description: The empty server to fill.
    type: dict
    required: true
    suboptions: {_ENDPOINT}
"""
