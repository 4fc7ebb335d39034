"""How long to wait for AWS."""

from __future__ import annotations


class ModuleDocFragment:
    """The option of modules that wait for CloudFront."""

    DOCUMENTATION = r"""
options:
  wait_timeout:
    description: Seconds to wait.
    type: int
    default: 1800
"""
