"""Hosts of this scenario: systemd in containers of the sandbox's host image, on a network of their own.

python molecule/k3s/hosts.py up|down <directory>; run from the checkout by create.yml and destroy.yml.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from sandbox import base_image, engine, images, k3s  # noqa: E402
from sandbox.engine import Engine  # noqa: E402
from sandbox.settings import Paths  # noqa: E402

NAME = "tiketi-molecule-k3s"
LABEL = f"tiketi-molecule={NAME}"
SUBNET = "10.89.16.0/20"
HOSTS = {"server-1": "10.89.16.11", "agent-1": "10.89.16.21", "agent-2": "10.89.16.22"}
BOOT_SECONDS = 60


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


def up(found: Engine, paths: Paths, directory: Path) -> None:
    reference, variables = image(found, paths)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = directory / "id_ed25519"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", key], check=True)
    if found.inspect("network", NAME) is None:
        found.run("network", "create", "--subnet", SUBNET, "--label", LABEL, NAME)
    for host, address in HOSTS.items():
        seed = f"{key}.pub:/var/lib/cloud/seed/nocloud/public-key:ro"
        found.run(
            "run", "--detach", "--privileged", "--name", f"{NAME}-{host}", "--hostname", host, "--label", LABEL,
            "--network", NAME, "--ip", address, "--volume", seed, reference,
        )  # fmt: skip
    known = [f"{address} {host_key(found, f'{NAME}-{host}')}" for host, address in HOSTS.items()]
    (directory / "known_hosts").write_text("\n".join([*known, ""]))
    (directory / "ssh_config").write_text(
        "".join(f"Host {host}\n  HostName {address}\n" for host, address in HOSTS.items())
        + f"Host *\n  User admin\n  IdentityFile {key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {directory}/known_hosts\n  StrictHostKeyChecking yes\n"
    )
    (directory / "k3s.json").write_text(json.dumps(variables))


def down(found: Engine, directory: Path) -> None:
    found.remove_containers(found.ids("ps", "--all", "--quiet", "--filter", f"label={LABEL}"))
    if found.inspect("network", NAME) is not None:
        found.run("network", "rm", NAME, check=False)
    shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    verb, directory = sys.argv[1], Path(sys.argv[2])
    paths = Paths()
    found = engine.ensure(paths)
    if verb == "down":
        down(found, directory)
    elif not (directory / "k3s.json").exists():
        down(found, directory)
        up(found, paths, directory)


if __name__ == "__main__":
    main()
