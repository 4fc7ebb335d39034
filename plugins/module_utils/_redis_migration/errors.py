"""What can go wrong in a move of Redis, each with its mend."""

from __future__ import annotations

from collections.abc import Sequence


class RedisMoveError(Exception):
    """What went wrong, and how to mend it, in one sentence for a person."""


class RedisConnectError(RedisMoveError):
    """A server could not be reached, did not let us in, or went away."""


class ReplyError(RedisMoveError):
    """What a server answered instead of a result."""

    @property
    def unknown(self) -> bool:
        """The command does not exist there, or is refused to this login."""
        text = str(self).lower()
        return text.startswith("noperm") or any(
            sign in text for sign in ("unknown command", "unknown subcommand", "wrong number of arg", "no permissions")
        )


class RefusedError(RedisMoveError):
    """Nothing was touched: the move cannot be made as things are."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = list(findings)
        count = len(self.findings)
        super().__init__(
            f"the move of Redis cannot begin, nothing was changed; {count} finding{'s' if count > 1 else ''}: "
            + " // ".join(self.findings)
        )


class DifferentError(RedisMoveError):
    """The target is not what the source is; it must not be used."""

    def __init__(self, headline: str, differences: Sequence[str]) -> None:
        self.differences = list(differences)
        more = len(self.differences) - 20
        super().__init__(
            f"{headline}: " + " // ".join(self.differences[:20]) + (f" // and {more} more" if more > 0 else "")
        )
