"""Run a command and say what failed in words a person can use."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.errors import SandboxError

LAST_LINES = 15


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: str | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, env=env, input=stdin, capture_output=True, text=True, check=False, timeout=timeout, errors="replace"
        )
    except FileNotFoundError as error:
        raise SandboxError(f"{words[0]} is not installed", "python -m sandbox doctor says how to get it") from error
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"`{' '.join(words[:3])} ...` did not end within {timeout:.0f} s") from error
    if check and done.returncode != 0:
        raise SandboxError(
            f"`{' '.join(words[:4])} ...` ended with {done.returncode}:\n{tail(done.stderr or done.stdout)}"
        )
    return done


def output(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str:
    return run(command, env=env).stdout.strip()


def tail(text: str, lines: int = LAST_LINES) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
