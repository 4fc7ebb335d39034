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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks._runs import span
from benchmarks._values import handed_over
from benchmarks.hosts import Host, fresh_hosts, ssh
from tests.e2e.support import PLAYBOOK, ROOT, environment

NODES = ["bench-server-1", "bench-agent-1", "bench-agent-2"]
# The task of role k3s_server that ends when every node is Ready with its labels and taints.
PROOF = "verify | Prove every node Ready"
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


@dataclass(frozen=True)
class Played:
    """One run of playbooks/k3s.yml; `proved` is when all nodes were found Ready, before the kubeconfig and the facts."""

    seconds: float
    proved: float
    tasks: int
    changed: int


def _play(inventory: Path, folder: Path) -> Played:
    summary = folder / "summary.json"
    said, proved, asked = list[str](), 0.0, False
    start = time.monotonic()
    with subprocess.Popen(
        [str(PLAYBOOK), "playbooks/k3s.yml", "-i", str(inventory)],
        cwd=ROOT,
        env=environment() | {"TIKETI_PLATFORM_SUMMARY_FILE": str(summary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            said.append(line)
            if line.startswith("TASK ["):
                asked = PROOF in line
            elif asked and not proved and line.startswith("ok: ["):
                proved = time.monotonic() - start
    seconds = time.monotonic() - start
    if running.returncode != 0 or not proved:
        raise RuntimeError("".join(said)[-5000:])
    told = json.loads(summary.read_text(encoding="utf-8"))["phases"]
    return Played(seconds, proved, sum(phase["tasks"] for phase in told), sum(phase["changed"] for phase in told))


def collection(values: dict[str, Any]) -> dict[str, Played]:
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
        "K3s on 1 server + 2 agents, from hosts that answer; "
        f"median of {runs}, sides in turn, {handed['k3s_common_version']}. "
        "After the proof the playbook reads and writes the kubeconfig and tells what it did.",
        "",
        "| what | every node proved Ready, seconds (median, min-max) | ratio to the floor | end of the run, seconds | tasks | changed |",
        "|---|---|---|---|---|---|",
        f"| plain shell script (the floor: installs, nothing else) | {span(floors)} | 1.00 | - | - | - |",
    ]
    for what, last in found[-1].items():
        proved = [one[what].proved for one in found]
        lines.append(
            f"| playbook, {what} | {span(proved)} | {statistics.median(proved) / least:.2f} | "
            f"{span([one[what].seconds for one in found])} | {last.tasks} | {last.changed} |"
        )
    return "\n".join(lines) + "\n"
