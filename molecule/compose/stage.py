"""The host of this scenario, its secrets and its images.

python molecule/compose/stage.py up|down|load|restart <directory>; run from the checkout by the scenario's playbooks.
`up` starts a systemd host (a container of the sandbox's host image) and moto's Secrets Manager, `load` gives the engine
inside the host the images that a registry would, `restart` boots the host anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from sandbox import base_image, engine, images  # noqa: E402
from sandbox.engine import Engine  # noqa: E402
from sandbox.settings import Paths  # noqa: E402

NAME = "tiketi-molecule-compose"
LABEL = f"tiketi-molecule={NAME}"
SUBNET, ADDRESS = "10.89.48.0/20", "10.89.48.11"
SECRETS_PORT = 5078
SECONDS = 60.0
SHOP = "localhost/tiketi-molecule/shop:1"
LOADED = (SHOP, images.POSTGRES.reference, images.REDIS.reference)


def log(text: str) -> None:
    print(text, file=sys.stderr)


def _await(what: str, look: object) -> object:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if answer := look():  # type: ignore[operator]
                return answer
        time.sleep(0.1)
    raise SystemExit(f"{what} is not there after {SECONDS:g} s")


def build(found: Engine) -> None:
    base_image.ensure(found, log)
    for image in (images.HOST_OS, images.POSTGRES, images.REDIS, images.PYTHON):
        images.ensure(found, image, base_image.REFERENCE, log)
    shop = REPOSITORY / "examples" / "tiketi" / "app"
    bundle = images.ca_bundle()
    found.run(
        "build", "--quiet", "--network", "host", "--build-arg", f"BASE_IMAGE={images.PYTHON.reference}",
        *(["--secret", f"id=ca-bundle,src={bundle}"] if bundle else []),
        "--tag", SHOP, "--file", str(shop / "Containerfile"), str(shop),
    )  # fmt: skip


def host_key(found: Engine) -> str:
    lines = found.output("logs", NAME).splitlines()
    keys = [line for line in lines if line.startswith("ssh-ed25519 ")]
    return " ".join(keys[-1].split()[:2]) if keys and any("END SSH HOST KEY" in line for line in lines) else ""


def up(found: Engine, directory: Path) -> None:
    build(found)
    directory.mkdir(parents=True, mode=0o700)
    key = directory / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", key], check=True)
    found.run("network", "create", "--subnet", SUBNET, "--label", LABEL, NAME)
    found.run(
        "run", "--detach", "--privileged", "--name", NAME, "--hostname", "app-1", "--label", LABEL, "--network", NAME,
        "--ip", ADDRESS, "--volume", f"{key}.pub:/var/lib/cloud/seed/nocloud/public-key:ro", images.HOST_OS.reference,
    )  # fmt: skip
    with open(directory / "secrets.log", "w") as output:
        argv = [sys.executable, "-m", "moto.server", "--port", str(SECRETS_PORT)]
        process = subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True)
    (directory / "secrets.pid").write_text(str(process.pid))
    known = _await("the host key", lambda: host_key(found))
    (directory / "known_hosts").write_text(f"{ADDRESS} {known}\n")
    _await("Secrets Manager", lambda: socket.create_connection(("127.0.0.1", SECRETS_PORT), 1))
    _await("SSH", lambda: socket.create_connection((ADDRESS, 22), 1))


def load(found: Engine, directory: Path) -> None:
    """Print what was loaded; nothing when all was there."""
    options = [
        "-i", str(directory / "id_ed25519"), "-o", f"UserKnownHostsFile={directory}/known_hosts",
        "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", f"admin@{ADDRESS}", "sudo",
    ]  # fmt: skip
    for image in LOADED:
        there = subprocess.run(["ssh", *options, "podman", "image", "exists", image], check=False)
        if there.returncode == 0:
            continue
        archive = directory / "image.tar"
        archive.unlink(missing_ok=True)
        found.run("save", "--output", str(archive), image)
        with archive.open("rb") as stream:
            subprocess.run(["ssh", *options, "podman", "load", "--quiet"], stdin=stream, check=True, stdout=sys.stderr)
        archive.unlink()
        print(image)


def down(found: Engine, directory: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.kill(int((directory / "secrets.pid").read_text()), signal.SIGTERM)
    found.remove_containers(found.ids("ps", "--all", "--quiet", "--filter", f"label={LABEL}"))
    if found.inspect("network", NAME) is not None:
        found.run("network", "rm", NAME, check=False)
    shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    verb, directory = sys.argv[1], Path(sys.argv[2])
    found = engine.ensure(Paths())
    if verb == "load":
        load(found, directory)
        return
    if verb == "restart":
        found.run("restart", "--time", "90", NAME)
        return
    down(found, directory)
    if verb == "up":
        up(found, directory)


if __name__ == "__main__":
    main()
