"""Where a host says which stores are in use."""

from __future__ import annotations


class ModuleDocFragment:
    """The files that a move of data changes."""

    DOCUMENTATION = r"""
options:
  pooler_file:
    description: Include file of PgBouncer that says which server is active.
    type: path
    default: /etc/pgbouncer/databases.ini
  proxy_config:
    description: Configuration of the Redis proxy.
    type: path
    default: /etc/redis-proxy/haproxy.cfg
"""
