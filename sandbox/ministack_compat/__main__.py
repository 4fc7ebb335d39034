"""Start MiniStack with the gaps closed."""

from __future__ import annotations

from sandbox.ministack_compat import gaps


def main() -> None:
    for gap in gaps.ALL:
        gap.apply()
    from ministack.app import main as serve  # noqa: PLC0415 - the gaps are closed before the server is loaded

    serve()


if __name__ == "__main__":
    main()
