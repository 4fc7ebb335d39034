"""Tags of what a module makes."""

from __future__ import annotations


class ModuleDocFragment:
    """The tags of modules that take none away; those that do use amazon.aws.tags."""

    DOCUMENTATION = r"""
options:
  tags:
    description: Tags of each object that is made; C(Name) is added. Other tags stay.
    type: dict
    default: {}
"""
