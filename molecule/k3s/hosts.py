"""Hosts of the K3s scenarios: systemd in containers of the sandbox's host image, on a network of their own.

python molecule/k3s/hosts.py up|down|rebuild|stop|start|next <scenario> <directory> [host]; run from the checkout by
create.yml, destroy.yml and the tests.
Names and addresses are those of the scenario's inventory.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from sandbox import base_image, engine, images, k3s  # noqa: E402
from sandbox.engine import Engine  # noqa: E402
from sandbox.k3s_standin import build  # noqa: E402
from sandbox.settings import Paths  # noqa: E402

BOOT_SECONDS = 60
NEXT_PATCH = re.compile(r"\.(\d+)\+")


def log(text: str) -> None:
    print(text, file=sys.stderr)


def image(found: Engine, paths: Paths) -> tuple[str, dict[str, object]]:
    """The host image, built where it is not there yet, and the variables of the K3s in it."""
    base_image.ensure(found, log)
    images.ensure(found, images.HOST_OS, base_image.REFERENCE, log)
    source = k3s.source(paths, log)
    log(source.description)
    host = images.host(source.artifact)
    images.ensure(found, host, images.HOST_OS.reference, log)
    return host.reference, dict(source.variables)


def host_key(found: Engine, container: str) -> str:
    """The host's key from its console, as on EC2."""
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end:
        lines = found.output("logs", container).splitlines()
        keys = [line for line in lines if line.startswith("ssh-ed25519 ")]
        if keys and any("END SSH HOST KEY" in line for line in lines):
            return " ".join(keys[-1].split()[:2])
        time.sleep(0.2)
    raise SystemExit(f"{container} did not print its host key within {BOOT_SECONDS} s")


@dataclass(frozen=True)
class Scenario:
    name: str
    subnet: str
    hosts: dict[str, str]

    @property
    def label(self) -> str:
        return f"tiketi-molecule={self.name}"

    def container(self, host: str) -> str:
        return f"{self.name}-{host}"


def scenario(folder: Path) -> Scenario:
    """What the inventory of a scenario says of its hosts."""
    inventory = yaml.safe_load((folder / "inventory" / "hosts.yml").read_text(encoding="utf-8"))
    cluster = inventory["all"]["children"]["k3s_cluster"]
    groups = cluster["children"].values()
    hosts = {name: values["ansible_host"] for group in groups for name, values in group["hosts"].items()}
    return Scenario(f"tiketi-molecule-{folder.name.replace('_', '-')}", cluster["vars"]["k3s_common_vpc_cidr"], hosts)


def start(found: Engine, these: Scenario, host: str, reference: str, key: Path) -> None:
    seed = f"{key}.pub:/var/lib/cloud/seed/nocloud/public-key:ro"
    found.run(
        "run", "--detach", "--privileged", "--name", these.container(host), "--hostname", host, "--label", these.label,
        "--network", these.name, "--ip", these.hosts[host], "--volume", seed, reference,
    )  # fmt: skip


def trust(found: Engine, these: Scenario, directory: Path) -> None:
    known = [f"{address} {host_key(found, these.container(host))}" for host, address in these.hosts.items()]
    (directory / "known_hosts").write_text("\n".join([*known, ""]))


def up(found: Engine, paths: Paths, these: Scenario, directory: Path) -> None:
    reference, variables = image(found, paths)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = directory / "id_ed25519"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", these.name, "-f", key], check=True)
    if found.inspect("network", these.name) is None:
        found.run("network", "create", "--subnet", these.subnet, "--label", these.label, these.name)
    for host in these.hosts:
        start(found, these, host, reference, key)
    trust(found, these, directory)
    (directory / "ssh_config").write_text(
        "".join(f"Host {host}\n  HostName {address}\n" for host, address in these.hosts.items())
        + f"Host *\n  User admin\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {directory}/known_hosts\n  StrictHostKeyChecking yes\n"
    )
    (directory / "k3s.json").write_text(json.dumps(variables))


def rebuild(found: Engine, paths: Paths, these: Scenario, directory: Path, host: str) -> None:
    """Replace a host by an empty one of the same name and address, as a new instance would be."""
    found.remove_containers([these.container(host)])
    start(found, these, host, image(found, paths)[0], directory / "id_ed25519")
    trust(found, these, directory)


def newer(paths: Paths) -> None:
    """Print the variables that ask for the same stand-in under the next patch version, from this machine."""
    version = NEXT_PATCH.sub(lambda match: f".{int(match[1]) + 1}+", build.VERSION)
    artifact = build.build(paths.cache / "k3s", log, version)
    print(
        json.dumps(
            {
                "k3s_common_version": version,
                "k3s_common_file": str(artifact.path.resolve()),
                "k3s_common_sha256": artifact.sha256,
            }
        )
    )


def down(found: Engine, these: Scenario, directory: Path) -> None:
    found.remove_containers(found.ids("ps", "--all", "--quiet", "--filter", f"label={these.label}"))
    if found.inspect("network", these.name) is not None:
        found.run("network", "rm", these.name, check=False)
    shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    verb, folder, directory, *host = sys.argv[1:]
    paths, these = Paths(), scenario(Path(folder))
    found = engine.ensure(paths)
    if verb == "down":
        down(found, these, Path(directory))
    elif verb in {"stop", "start"}:
        found.run(verb, these.container(host[0]))
    elif verb == "next":
        newer(paths)
    elif verb == "rebuild":
        rebuild(found, paths, these, Path(directory), host[0])
    elif not (Path(directory) / "k3s.json").exists():
        down(found, these, Path(directory))
        up(found, paths, these, Path(directory))


if __name__ == "__main__":
    main()
