"""Which host of a K3s cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """How a host is known in the cluster."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of the node in the cluster.
    type: str
    required: true
  address:
    description: Address by which the other hosts reach this one.
    type: str
    required: true
  controller_time:
    description: Time of the controller in seconds since 1970, to compare the clock with.
    type: float
    default: 0
"""
