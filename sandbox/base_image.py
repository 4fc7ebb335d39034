"""The image all others stand on: Debian, from Docker Hub where it is reached, else made by debootstrap."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from sandbox import engine as engines
from sandbox import net, shell
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.images import Log, current_digest
from sandbox.settings import DEBIAN_MIRROR, DEBIAN_SUITE, DIGEST_LABEL, IMAGE_PREFIX

REFERENCE = f"{IMAGE_PREFIX}/base:current"
OFFICIAL = f"docker.io/library/debian:{DEBIAN_SUITE}-slim"
REGISTRY = "https://registry-1.docker.io/v2/"
INCLUDED = "ca-certificates"
# Documentation is half of a small image, and nobody reads it there.
CONFIGURATION = {
    "etc/dpkg/dpkg.cfg.d/01-small": "path-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\n"
    "path-exclude /usr/share/locale/*\npath-exclude /usr/share/info/*\n",
    "etc/apt/apt.conf.d/01-small": 'Acquire::Languages "none";\nAPT::Install-Recommends "false";\n',
    "etc/apt/sources.list": f"deb {DEBIAN_MIRROR} {DEBIAN_SUITE} main\n"
    f"deb {DEBIAN_MIRROR} {DEBIAN_SUITE}-updates main\n"
    f"deb {DEBIAN_MIRROR}-security {DEBIAN_SUITE}-security main\n",
}
DROPPED = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
)


def ensure(engine: Engine, log: Log) -> bool:
    digest = hashlib.sha256(
        repr((DEBIAN_SUITE, INCLUDED, sorted(CONFIGURATION.items()), DROPPED)).encode()
    ).hexdigest()[:16]
    if current_digest(engine, REFERENCE) == digest:
        return False
    if net.reached(REGISTRY) and _from_registry(engine, digest, log):
        return True
    _from_packages(engine, digest, log)
    return True


def _from_registry(engine: Engine, digest: str, log: Log) -> bool:
    log(f"pulling {OFFICIAL}")
    if engine.run("pull", "--quiet", OFFICIAL, check=False).returncode != 0:
        return False
    text = f"FROM {OFFICIAL}\nRUN apt-get update -q && apt-get install -qy {INCLUDED} && rm -rf /var/lib/apt/lists/*\n"
    engine.run(
        "build", "--quiet", "--network", "host", "--label", f"{DIGEST_LABEL}={digest}",
        "--tag", REFERENCE, "-", stdin=text,
    )  # fmt: skip
    return True


def _from_packages(engine: Engine, digest: str, log: Log) -> None:
    if not shutil.which("debootstrap"):
        engines.install()
    log("making the Debian base by debootstrap (about 30 s)")
    with tempfile.TemporaryDirectory(prefix="tiketi-sandbox-") as folder:
        root = Path(folder) / "root"
        shell.run(["debootstrap", "--variant=minbase", f"--include={INCLUDED}", DEBIAN_SUITE, root, DEBIAN_MIRROR])
        for name in DROPPED:
            shutil.rmtree(root / name, ignore_errors=True)
            (root / name).mkdir(parents=True, exist_ok=True)
        for name, text in CONFIGURATION.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        _import(engine, root, digest)


def _import(engine: Engine, root: Path, digest: str) -> None:
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as archive:
        done = subprocess.run(
            [engine.kind, "import", "--change", f"LABEL {DIGEST_LABEL}={digest}", "-", REFERENCE],
            stdin=archive.stdout, env=engine.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode != 0 or archive.returncode != 0:
        raise SandboxError(f"the Debian base could not be imported:\n{shell.tail(done.stderr)}")
