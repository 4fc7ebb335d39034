"""K3s on fresh hosts: the playbook against a plain shell script on hosts of the same make, in the same run."""

from __future__ import annotations

import json
import secrets
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from benchmarks._values import handed_over
from benchmarks.hosts import Host, fresh_hosts, ssh
from tests.e2e.support import PLAYBOOK, ROOT, environment

NODES = ["bench-server-1", "bench-agent-1", "bench-agent-2"]
FLOOR = Path(__file__).with_name("floor.sh")


def _wait_ready(base: list[str], count: int) -> None:
    query = "sudo k3s kubectl get nodes -o json"
    while True:
        done = subprocess.run([*base, query], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            ready = [
                node
                for node in json.loads(done.stdout)["items"]
                if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            ]
            if len(ready) == count:
                return
        time.sleep(0.2)


def floor(values: dict[str, Any]) -> float:
    """Seconds from hosts that answer to every node Ready, by benchmarks/floor.sh over ssh, agents side by side."""
    with tempfile.TemporaryDirectory() as folder, fresh_hosts(NODES, values, Path(folder)) as (hosts, known_hosts):
        artifact = values["k3s_common_urls"][0].removeprefix("file://")
        token = secrets.token_hex(16)

        def install(host: Host, role: str, *more: str) -> None:
            # The script travels in the command; the token, and only it, on standard input.
            remote = shlex.join(["sudo", "sh", "-c", FLOOR.read_text(encoding="utf-8"), "floor", role, artifact, *more])
            subprocess.run(
                [*ssh(host, values["ec2_host_user"], known_hosts), remote],
                input=token + "\n",
                text=True,
                check=True,
                capture_output=True,
            )

        start = time.monotonic()
        install(hosts[0], "server")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: install(host, "agent", hosts[0].address), hosts[1:]))
        _wait_ready(ssh(hosts[0], values["ec2_host_user"], known_hosts), len(hosts))
        return time.monotonic() - start


def _inventory(
    folder: Path, hosts: list[Host], values: dict[str, Any], known_hosts: Path, tokens: dict[str, str]
) -> Path:
    def group(some: list[Host]) -> dict[str, Any]:
        return {"hosts": {host.name: {"ansible_host": host.address} for host in some}}

    content = {
        "platform": {
            "hosts": {
                "account": {
                    "ansible_connection": "local",
                    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                }
            }
        },
        "k3s_servers": group(hosts[:1]),
        "k3s_agents": group(hosts[1:]),
        # As in inventories/k3s: by this group all hosts are looked at, and the binary is fetched, at once.
        "k3s_cluster": {"children": {"k3s_servers": {}, "k3s_agents": {}}},
        "all": {
            "vars": {
                "ansible_user": values["ec2_host_user"],
                "ansible_ssh_private_key_file": values["ec2_host_private_key_file"],
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes",
                "platform_project": "bench",
                "platform_stage": "k3s",
                "platform_region": "ap-northeast-2",
                "platform_state_dir": str(folder / "state"),
                **{key: value for key, value in values.items() if key.startswith("k3s_common_")},
                **tokens,
            }
        },
    }
    path = folder / "hosts.yml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _play(inventory: Path, folder: Path) -> tuple[float, int, int]:
    """Seconds, tasks and changes of one run of playbooks/k3s.yml."""
    summary = folder / "summary.json"
    start = time.monotonic()
    done = subprocess.run(
        [str(PLAYBOOK), "playbooks/k3s.yml", "-i", str(inventory)],
        cwd=ROOT,
        env=environment() | {"TIKETI_PLATFORM_SUMMARY_FILE": str(summary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-4000:] + done.stderr[-1000:])
    told = json.loads(summary.read_text(encoding="utf-8"))
    return seconds, sum(phase["tasks"] for phase in told["phases"]), sum(phase["changed"] for phase in told["phases"])


def collection(values: dict[str, Any]) -> dict[str, tuple[float, int, int]]:
    """Cold, no change, and one more agent, on one set of fresh hosts."""
    with (
        tempfile.TemporaryDirectory() as name,
        fresh_hosts([*NODES, "bench-agent-3"], values, Path(name)) as (hosts, known_hosts),
    ):
        folder = Path(name)
        (folder / "state").mkdir(mode=0o700)
        tokens = {"k3s_common_token": secrets.token_hex(24), "k3s_common_agent_token": secrets.token_hex(24)}
        three = _inventory(folder, hosts[:3], values, known_hosts, tokens)
        found = {"cold": _play(three, folder), "no change": _play(three, folder)}
        four = _inventory(folder, hosts, values, known_hosts, tokens)
        found["one agent more"] = _play(four, folder)
        return found


def report(runs: int) -> str:
    """Measure both sides in turn and return the section as Markdown."""
    handed = handed_over()
    floors, found = [], []
    for number in range(runs):
        print(f"run {number + 1} of {runs}: floor", file=sys.stderr, flush=True)
        floors.append(floor(handed))
        print(f"run {number + 1} of {runs}: playbook", file=sys.stderr, flush=True)
        found.append(collection(handed))
    least = statistics.median(floors)
    lines = [
        "K3s on 1 server + 2 agents, hosts that answer to every node proved Ready; "
        f"median of {runs}, sides in turn, {handed['k3s_common_version']}.",
        "",
        "| what | seconds (median, min-max) | ratio to the floor | tasks | changed |",
        "|---|---|---|---|---|",
        "| plain shell script (the floor: installs, nothing else) | "
        f"{least:.1f} ({min(floors):.1f}-{max(floors):.1f}) | 1.00 | - | - |",
    ]
    for what in found[0]:
        seconds = [one[what][0] for one in found]
        median = statistics.median(seconds)
        tasks, changed = found[-1][what][1:]
        lines.append(
            f"| playbook, {what} | {median:.1f} ({min(seconds):.1f}-{max(seconds):.1f}) | {median / least:.2f} | "
            f"{tasks} | {changed} |"
        )
    return "\n".join(lines) + "\n"
