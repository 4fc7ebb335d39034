"""The summary as text for a person and as data for a program."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._summary.model import Run

_COLUMNS = ("ok", "changed", "failed", "unreachable")
_SLOW = 5.0  # seconds from which a task is worth a line


def _verdict(run: Run, rescued: int) -> str:
    lost = len(run.faults) - rescued
    if lost > 0:
        return f"FAILED ({lost} fault{'s' if lost > 1 else ''})"
    changed = sum(len(hosts) for hosts in run.changes.values())
    return f"ok, {changed} changed" if changed else "ok, nothing to change"


def as_text(run: Run, playbook: str, proved: list[str], next_steps: list[str], rescued: int, max_changes: int) -> str:
    """Lines of at most about 120 columns; phases without any result are left out."""
    total = run.seconds
    phases = [phase for phase in run.phases.values() if sum(phase.outcomes.values())]
    width = max([len(phase.name) for phase in phases] + [5])
    lines = ["", f"SUMMARY {playbook}: {_verdict(run, rescued)}, {total:.1f} s", ""]
    lines.append(f"  {'phase':<{width}}  seconds  share  tasks     ok  changed  failed")
    for phase in phases:
        count = phase.outcomes
        share = 100 * phase.seconds / total if total else 0
        lines.append(
            f"  {phase.name:<{width}}  {phase.seconds:7.1f}  {share:4.0f}%  {phase.tasks:5d}  {count['ok']:5d}  {count['changed']:7d}"
            f"  {count['failed'] + count['unreachable']:6d}"
        )
    slow = run.slowest(5, least=_SLOW)
    if slow:
        lines += ["", "  slowest tasks:"]
        lines += [f"    {seconds:7.1f}  {task}" for task, seconds in slow]
    if run.changes:
        lines += ["", "  changed:"]
        for task, hosts in list(run.changes.items())[:max_changes]:
            lines.append(f"    {task}  ({_hosts(hosts)})")
        if len(run.changes) > max_changes:
            lines.append(f"    and {len(run.changes) - max_changes} more")
    if run.faults:
        lines += ["", "  failed (its message stands above):"]
        lines += [f"    {task}  ({outcome} on {host})" for outcome, host, task in run.faults]
    if proved:
        lines += ["", "  proved:"]
        lines += [f"    {line}" for line in proved]
    if next_steps:
        lines += ["", "  where to look next:"]
        lines += [f"    {line}" for line in next_steps]
    return "\n".join(lines)


def as_dict(run: Run, playbook: str, proved: list[str], next_steps: list[str], rescued: int) -> dict[str, Any]:
    """Seconds are floats; `changed` maps a task to the hosts it changed."""
    return {
        "playbook": playbook,
        "seconds": round(run.seconds, 3),
        "verdict": _verdict(run, rescued),
        "phases": [
            {
                "name": phase.name,
                "seconds": round(phase.seconds, 3),
                "tasks": phase.tasks,
                **{name: phase.outcomes[name] for name in _COLUMNS},
            }
            for phase in run.phases.values()
        ],
        "slowest": [{"task": task, "seconds": round(seconds, 3)} for task, seconds in run.slowest(30)],
        "changed": run.changes,
        "faults": [{"outcome": outcome, "host": host, "task": task} for outcome, host, task in run.faults],
        "rescued": rescued,
        "proved": proved,
        "next_steps": next_steps,
    }


def _hosts(hosts: list[str]) -> str:
    names = list(dict.fromkeys(hosts))
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
