"""How modules behave in check mode and diff mode."""

from __future__ import annotations


class ModuleDocFragment:
    """One text for each kind of module; what differs is said by the module itself."""

    # Changes, and says itself what its diff shows.
    CHANGES = r"""
attributes:
  check_mode:
    description: Reports what would be changed and changes nothing.
    support: full
"""

    # Compares what is with what shall be, for another task to change it.
    COMPARES = r"""
attributes:
  check_mode:
    description: Never changes anything.
    support: full
  diff_mode:
    description: Gives the differences as a diff, for a task that turns them into a change by C(changed_when).
    support: full
"""

    READS = r"""
attributes:
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""
