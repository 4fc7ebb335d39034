"""Our lines of pg_hba.conf: who may come, from where, and that nothing else changes. Pure.

The first line that fits decides. Ours fit one login only, so they can stand first without a word to anybody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Login, Rule

BEGIN = "# BEGIN platform_source: kept by role postgres_source, changes here are lost"
END = "# END platform_source"


def quoted(name: str) -> str:
    """In quotes a name is never a keyword such as all or replication."""
    return '"' + name.replace('"', '""') + '"'


def render(login: Login, databases: Sequence[str], cidrs: Sequence[str]) -> list[str]:
    listed = ",".join(quoted(name) for name in databases)
    who = quoted(login.username)
    lines = [f"hostssl {listed} {who} {ip_network(cidr)} scram-sha-256" for cidr in cidrs]
    if not login.existing:  # the login of the move comes no other way; of somebody else's nothing is taken away
        lines += [f"host all,replication {who} all reject"]
    return lines


def _is_rule(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def without(text: str) -> str:
    """The file as it would be without us."""
    kept: list[str] = []
    ours = False
    for line in text.splitlines(keepends=True):
        if line.rstrip("\r\n") == BEGIN:
            ours = True
        elif ours and line.rstrip("\r\n") == END:
            ours = False
        elif not ours:
            kept.append(line)
    if ours:  # a block that does not end: somebody edited it, and everything after it would be lost
        return text
    return "".join(kept)


def apply(text: str, lines: Sequence[str]) -> str:
    """Put the block before the first rule; comments at the head and the order of all others stay."""
    rest = without(text).splitlines(keepends=True)
    if rest and not rest[-1].endswith("\n"):
        rest[-1] += "\n"
    if not lines:
        return "".join(rest)
    at = next((number for number, line in enumerate(rest) if _is_rule(line)), len(rest))
    block = [f"{line}\n" for line in (BEGIN, *lines, END)]
    return "".join(rest[:at] + block + rest[at:])


def open_ended(text: str) -> bool:
    return BEGIN in text.splitlines() and END not in text.splitlines()


def faults(rules: Sequence[Rule], login: Login, expected: int) -> list[str]:
    """What the server makes of the file after our change."""
    found = [f"line {rule.line}: {rule.error}" for rule in rules if rule.error]
    ours = sum(1 for rule in rules[:expected] if rule.users == (login.username,))
    if not found and ours != expected:
        found.append(f"{ours} of {expected} lines for {login.username} stand first")
    return found
