"""What takes part in a cutover: a store whose writers are moved from an old server to a new one."""

from __future__ import annotations

from typing import Protocol


class Participant(Protocol):
    """One store. Every method may be called again after it succeeded, and `reopen` at any point after `freeze` began.

    It may also have `check` (say at once what forbids it, where other stores are made ready first) and `near` (after `prepare`, once or more:
    carry over what users wrote since, so that little is left for the freeze and `predict` goes by what is true now). It may call `tell` with
    words on how far it is, where the run puts its own function if there is one.
    """

    name: str

    def prepare(self) -> None:
        """The slow part, while users work: a first pass, an online verification, everything that needs no freeze."""

    def freeze(self) -> None:
        """From the moment this returns no writer changes the old side; they wait or are refused."""

    def settle(self) -> list[str]:
        """Carry over what is left and compare. Differences in words; an empty list is the proof."""

    def switch(self) -> None:
        """Arm the way back, then point applications at the new side. Writers still wait."""

    def open(self) -> None:
        """Let writers go on, at the new side."""

    def reopen(self) -> None:
        """Undo everything since `freeze`: writers go on at the old side."""
