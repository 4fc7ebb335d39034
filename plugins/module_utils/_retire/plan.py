"""Whether the old stores may go, and what goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._retire.model import POSTGRES, REDIS, Found, Step, Wish

FINISHED = "finished"  # the word of both journals
# Phases in which nobody has been led away and nothing leads back. A copy of Redis that was given up stays in its own.
POSTGRES_STILL = (FINISHED, "abandoned", "new")
REDIS_STILL = (FINISHED, "new", "copying", "copied", "verified")
BY_HAND = "Mend: end them (stop those clients, or lead them to the new side), then run again"


def steps(found: Found, wish: Wish) -> list[Step]:
    """In the order in which they go: what runs, what it was made from, and the data last."""
    made = [Step("container", name) for name in sorted(found.containers, reverse=True)]
    made += [Step("pod", found.pod)] if found.pod else []
    made += [Step("network", found.network)] if found.network else []
    made += [Step("file", str(path)) for path in found.files]
    return made + ([Step("volume", name) for name in found.volumes] if wish.remove_data else [])


def needs_backup(found: Found, wish: Wish) -> bool:
    """A run that was killed after its backup left the marker, which names it."""
    return wish.backup and found.marker is None


def backup_reasons(found: Found, wish: Wish, taken: bool) -> list[str]:
    """`taken`: whether the folder of the backup holds something already."""
    if not wish.backup:
        return []
    if found.marker is not None:
        known = found.marker.get("backup", "")
        lost = wish.remove_data and found.volumes and known and not taken
        return [_lost(known)] if lost else []
    reasons = []
    for store in (POSTGRES, REDIS):
        name = wish.container(store)
        if not found.containers.get(name):
            state = "does not run" if name in found.containers else "is not there"
            reasons.append(
                f"the container {name} {state}, so nothing can be asked or saved. Mend: start it,"
                " or set compose_stores_backup=false to go on without a last backup"
            )
    place = Path(wish.backup_dir)
    if not wish.backup_dir:
        reasons.append(
            "no place is named for the last backup. Mend: set compose_stores_backup_dir to a new folder on the host,"
            " or compose_stores_backup=false to go on without one"
        )
    elif not place.is_absolute():
        reasons.append(f"compose_stores_backup_dir is {place}, an absolute path is needed. Mend: begin it with /")
    elif any(inside == place or inside in place.parents for inside in (wish.folder, wish.tls)):
        reasons.append(f"the backup's folder {place} is in one that is taken away. Mend: name another")
    elif taken:
        reasons.append(f"the backup's folder {place} holds something already. Mend: name a new one")
    return reasons


def _lost(known: str) -> str:
    return (
        f"the data are to be removed, but their backup {known} is not there any more. Mend: put it back,"
        " or set compose_stores_backup=false to remove the data all the same"
    )


def room_reasons(wish: Wish, needed: int, free: int) -> list[str]:
    if free >= needed:
        return []
    return [
        f"the backup may need {needed / 1024**2:.0f} MiB, where {wish.backup_dir} would be {free / 1024**2:.0f} MiB are free."
        " Mend: name a folder on a larger disk"
    ]


def journal_reasons(what: str, label: str, journals: Sequence[Mapping[str, Any]], still: Sequence[str]) -> list[str]:
    """`journals`: those of this host; a move away from `label` must be finished, and none may be under way."""
    concerned = [one for one in journals if label in (one.get("source"), one.get("target"))]
    reasons = []
    for one in concerned:
        phase = str(one.get("phase"))
        words = f"the move of {what} from {one.get('source')} to {one.get('target')}"
        if phase not in still:
            armed = ", so its way back is still armed" if phase == "switched" else ""
            reasons.append(f"{words} is {phase}{armed}. Mend: lead it to its end (migration_step=finish)")
        elif one.get("left"):
            reasons.append(
                f"{words} left something behind: {'; '.join(one['left'])}. Mend: migration_step=finish again"
            )
    if not reasons and not any(one.get("source") == label and one.get("phase") == FINISHED for one in concerned):
        reasons.append(
            f"no journal on this host tells of a finished move of {what} from {label}."
            " Mend: move the data first (site.yml, then migration_step=finish), and run on the host that moved them"
        )
    return reasons


def place_reasons(published: frozenset[tuple[str, int]], labels: Mapping[str, tuple[str, int]]) -> list[str]:
    """The servers that were asked must be the containers that go."""
    return [
        f"the secret says that {what} is at {host}:{port}, but no container of this host is published there."
        " Mend: correct the secret, or run on the right host"
        for what, (host, port) in labels.items()
        if (host, port) not in published
    ]


def session_reasons(what: str, sessions: Sequence[str]) -> list[str]:
    if not sessions:
        return []
    shown = ", ".join(sessions[:5]) + (f" and {len(sessions) - 5} more" if len(sessions) > 5 else "")
    count = "one is" if len(sessions) == 1 else f"{len(sessions)} are"
    return [f"{count} connected to {what}: {shown}. {BY_HAND}"]
