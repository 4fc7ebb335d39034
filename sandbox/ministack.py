"""MiniStack as a container on the sandbox network."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from sandbox import aws, images, net
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.images import Log
from sandbox.settings import (
    AWS_NAMES,
    DIGEST_LABEL,
    ENDPOINT,
    GATEWAY,
    IMAGE_PREFIX,
    LABEL,
    MINISTACK_ADDRESS,
    MINISTACK_LABEL,
    MINISTACK_PORT,
    NAME,
    REGION,
    Paths,
)
from sandbox.shell import tail

CONTAINER = f"{NAME}-aws"
HEALTH = f"{ENDPOINT}/_ministack/health"
START_LIMIT = 60.0


def environment(engine: Engine, paths: Paths) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
        "BIND_HOST": "0.0.0.0",  # noqa: S104 - inside its container, which only the sandbox network reaches
        "DOCKER_HOST": f"unix:///run/engine/{engine.socket.name}",
        "DOCKER_NETWORK": NAME,
        "EC2_DOCKER_FLAGS": "--privileged",
        "EKS_K3S_IMAGE": "eks:current",
        "GATEWAY_PORT": str(MINISTACK_PORT),
        "MINISTACK_DOCKER_TIMEOUT": "60",
        "MINISTACK_HOST": str(MINISTACK_ADDRESS),
        "MINISTACK_HOSTNAME": NAME,  # part of the label by which it knows its own containers after a restart
        "MINISTACK_IMAGE_PREFIX": IMAGE_PREFIX,
        "MINISTACK_RDS_PG_CLUSTER_REPLICATION": "1",
        "MINISTACK_REGION": REGION,
        "RDS_TMPFS_SIZE": "4g",
        "SANDBOX_CA": "/run/sandbox-tls/ca.pem",
        "SANDBOX_TLS_DIR": "/run/sandbox-tls",
        "SANDBOX_METADATA_ENDPOINT": f"{MINISTACK_ADDRESS}:{MINISTACK_PORT}",
        # Docker's own resolver stands alone in a container; Podman's does only where it is named.
        "SANDBOX_RESOLVER": str(GATEWAY) if engine.kind == "podman" else "",
        "SANDBOX_PUBLIC_KEY": paths.public_key.read_text().strip(),
        "SANDBOX_SEED_DIR": str(paths.seeds),
        "SANDBOX_LABEL": LABEL,
    }


def volumes(engine: Engine, paths: Paths) -> list[str]:
    # Podman's socket is made anew when its service starts: the directory is mounted, for a mounted file would stay the old.
    source = engine.socket.parent if engine.kind == "podman" else engine.socket
    target = "/run/engine" if engine.kind == "podman" else f"/run/engine/{engine.socket.name}"
    return [f"{source}:{target}", f"{paths.seeds}:{paths.seeds}", f"{paths.tls}:/run/sandbox-tls:ro"]


def configuration(engine: Engine, paths: Paths) -> str:
    """A digest of all that the container is made from: when it changes, the container is made anew."""
    parts: list[Any] = [
        images.current_digest(engine, images.MINISTACK.reference),
        environment(engine, paths),
        volumes(engine, paths),
        AWS_NAMES,
        paths.ca.read_text(),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def running(engine: Engine, wanted: str) -> bool:
    container = engine.inspect("container", CONTAINER)
    if container is None or not container["State"]["Running"]:
        return False
    return bool(container["Config"]["Labels"].get(DIGEST_LABEL) == wanted)


def ensure(engine: Engine, paths: Paths, log: Log) -> bool:
    """Have it running and healthy; say whether it was started anew, and so begins with nothing in it."""
    paths.seeds.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = configuration(engine, paths)
    if running(engine, wanted) and healthy():
        return False
    log("starting MiniStack")
    remove(engine)
    env = [word for name, value in environment(engine, paths).items() for word in ("--env", f"{name}={value}")]
    names = [word for name in AWS_NAMES for word in ("--network-alias", name)]
    mounts = [word for volume in volumes(engine, paths) for word in ("--volume", volume)]
    engine.run(
        "run", "--detach", "--init", "--name", CONTAINER, "--hostname", NAME, "--network", NAME,
        "--ip", str(MINISTACK_ADDRESS), "--label", LABEL, "--label", f"{DIGEST_LABEL}={wanted}",
        "--security-opt", "label=disable", *names, *env, *mounts, images.MINISTACK.reference,
    )  # fmt: skip
    wait(engine)
    return True


def healthy() -> bool:
    try:
        return b"services" in net.fetch(HEALTH)
    except OSError:
        return False


def wait(engine: Engine) -> None:
    limit = time.monotonic() + START_LIMIT
    while not healthy():
        container = engine.inspect("container", CONTAINER)
        if container is None or not container["State"]["Running"] or time.monotonic() > limit:
            raise SandboxError(f"MiniStack does not answer on {ENDPOINT}:\n{logs(engine)}", "python -m sandbox up")
        time.sleep(0.1)


def logs(engine: Engine, lines: int = 20) -> str:
    done = engine.run("logs", "--tail", str(lines), CONTAINER, check=False)
    return tail(done.stdout + done.stderr, lines)


def started_at(engine: Engine) -> str:
    """Changes with every start, and MiniStack keeps its state in memory only."""
    container = engine.inspect("container", CONTAINER)
    return str(container["State"]["StartedAt"]) if container else ""


def remove(engine: Engine) -> None:
    """Also all that it started: none of it can be found again by a new one."""
    engine.run("rm", "--force", "--volumes", *engine.at_once, CONTAINER, check=False)
    engine.remove_containers(
        engine.ids("ps", "--all", "--quiet", "--filter", f"label={LABEL}", "--filter", f"label={MINISTACK_LABEL}")
    )
    sweep_volumes(engine)


def sweep_volumes(engine: Engine) -> None:
    """Remove the volumes that nothing uses: a new cluster of an old one's name would find the old one's data in it."""
    unused = engine.ids("volume", "ls", "--quiet", "--filter", f"label={LABEL}", "--filter", "dangling=true")
    if unused:
        engine.run("volume", "rm", *unused, check=False)
