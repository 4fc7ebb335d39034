"""Runs the unchanged playbooks against the sandbox, as a user does, and keeps what they printed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = ROOT / ".sandbox"
LOGS = SANDBOX / "logs"
PLAYBOOK = ROOT / ".venv" / "bin" / "ansible-playbook"


@dataclass(frozen=True)
class Outcome:
    """One run of ansible-playbook: `recap` maps a host to its counts."""

    code: int
    output: str
    seconds: float
    recap: dict[str, dict[str, int]]
    summary: dict[str, Any]

    @property
    def changed(self) -> int:
        return sum(counts["changed"] for counts in self.recap.values())

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.output.splitlines()[-lines:])


def environment() -> dict[str, str]:
    """The caller's environment and what `.sandbox/env` exports."""
    found = dict(os.environ)
    for line in (SANDBOX / "env").read_text(encoding="utf-8").splitlines():
        words = shlex.split(line)
        if len(words) == 2 and words[0] == "export":
            name, _, value = words[1].partition("=")
            found[name] = value
    found["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    found["ANSIBLE_NOCOLOR"] = "1"
    found["PATH"] = f"{ROOT / '.venv/bin'}:{found['PATH']}"
    return found


def address_of(host: str) -> str:
    """Of a host of the stage managed, as its inventory finds it."""
    found = subprocess.run(
        ["ansible-inventory", "-i", "inventories/managed", "-e", f"@{SANDBOX / 'vars.yml'}", "--host", host],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(found.stdout)["ansible_host"])


def on_host(script: str, host: str = "app-1", stage: str = "managed") -> str:
    """What a command says as root on a host of a stage."""
    done = subprocess.run(
        ["ansible", host, "--become", "-m", "ansible.builtin.shell", "-a", script, "-i", f"inventories/{stage}",
         "-e", f"@{SANDBOX / 'vars.yml'}"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.partition("\n")[2].strip()


def command(*arguments: str, playbook: str = "site.yml", stage: str = "k3s") -> list[str]:
    return [str(PLAYBOOK), playbook, "-i", f"inventories/{stage}", "-e", f"@{SANDBOX / 'vars.yml'}", *arguments]


def run(
    *arguments: str, name: str, playbook: str = "site.yml", stage: str = "k3s", timeout: float = 900, **extra_env: str
) -> Outcome:
    """Run a playbook to its end; its output is kept in .sandbox/logs/<name>.log."""
    return _run(command(*arguments, playbook=playbook, stage=stage), environment() | extra_env, name, timeout)


def demo(name: str, stage: str = "k3s", timeout: float = 900) -> Outcome:
    """`make demo`, as a person types it: in a shell that knows nothing of the sandbox."""
    plain = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANSIBLE_", "MAKE", "MFLAGS"))
    }
    return _run(["make", "demo", f"STAGE={stage}"], plain | {"ANSIBLE_NOCOLOR": "1"}, name, timeout)


def _run(words: list[str], env: dict[str, str], name: str, timeout: float) -> Outcome:
    LOGS.mkdir(parents=True, exist_ok=True)
    log, summary = LOGS / f"e2e-{name}.log", LOGS / f"e2e-{name}.json"
    summary.unlink(missing_ok=True)
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=env | {"TIKETI_PLATFORM_SUMMARY_FILE": str(summary)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    text = log.read_text(encoding="utf-8")
    told = json.loads(summary.read_text(encoding="utf-8")) if summary.is_file() else {}
    return Outcome(done.returncode, text, time.monotonic() - start, recap(text), told)


def _children(of: set[int]) -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets, which may hold anything: state, parent.
            parent = int(entry.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent in of:
            found.add(int(entry.parent.name))
    return found


def _signal(processes: set[int], what: signal.Signals) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def kill_whole(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all that it started: Ansible's workers are in sessions of their own, and would finish their task."""
    family: set[int] = set()
    more = {process.pid}
    while more:
        # Held first, so that nothing new begins while the rest is found.
        _signal(more, signal.SIGSTOP)
        family |= more
        more = _children(family) - family
    _signal(family, signal.SIGKILL)
    process.wait()


def run_and_kill_at(
    words: str, *arguments: str, name: str, stage: str = "k3s", after: float = 0, limit: float = 600
) -> bool:
    """Start site.yml and kill it, with all its children, `after` seconds after it printed `words`.

    True when it was still running then.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"e2e-{name}.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command(*arguments, stage=stage),
            cwd=ROOT,
            # The heading of a task is printed when it begins only where nothing is left out; else with its first result.
            env=environment() | {"PYTHONUNBUFFERED": "1", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        end = time.monotonic() + limit
        while process.poll() is None and words not in log.read_text(encoding="utf-8"):
            assert time.monotonic() < end, f"{words!r} was not printed in {limit:.0f} s"
            time.sleep(0.05)
        if process.poll() is None:
            time.sleep(after)  # into the work that the words announce
        alive = process.poll() is None
        kill_whole(process)
    return alive


def recap(output: str) -> dict[str, dict[str, int]]:
    """Counts per host from the last PLAY RECAP."""
    found: dict[str, dict[str, int]] = {}
    for line in output.rpartition("PLAY RECAP")[2].splitlines():
        match = re.match(r"(\S+)\s*: (ok=\d+.*)", line)
        if match:
            found[match[1]] = {key: int(value) for key, value in (pair.split("=") for pair in match[2].split())}
    return found
