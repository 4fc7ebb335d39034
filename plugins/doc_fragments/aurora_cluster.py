"""Which Aurora cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """The option by which modules find the cluster."""

    DOCUMENTATION = r"""
options:
  db_cluster_identifier:
    description: Name of the cluster.
    type: str
    required: true
    aliases: [name, id]
"""
