"""Build the stand-in: one self-extracting file called k3s, and the archive of its images.

Go parts are kept by the digest of their sources and toolchain, so that a change of Python costs a second.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.errors import SandboxError

from . import archives

HERE: Final = Path(__file__).parent
VERSION: Final = "v1.34.4+k3s1"
PAUSE: Final = "docker.io/rancher/mirrored-pause:3.6"
ADDONS: Final = "docker.io/tiketi/k3s-addons:1"
COMPONENTS: Final = (
    "kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl etcd balancer etcd-snapshot"
)
ECR_PROVIDER: Final = "k8s.io/cloud-provider-aws/cmd/ecr-credential-provider"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Artifact:
    """What a host needs to be a K3s node."""

    path: Path
    sha256: str
    version: str
    images_tar: Path
    images_sha256: str
    credential_provider: Path
    credential_provider_sha256: str


class BuildError(SandboxError):
    """The build cannot go on."""


def go_version() -> str:
    if shutil.which("go") is None:
        raise BuildError(
            "Go is not installed, and the K3s release is not reached: its stand-in is built from Go modules",
            "install Go 1.24 or newer (https://go.dev/dl) and have go in PATH, or let this machine reach github.com",
        )
    return subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout.strip()


def link_flags(version: str) -> str:
    package = "k8s.io/component-base/version"
    values = {"gitVersion": version, "gitMajor": "1", "gitMinor": version.split(".")[1], "gitTreeState": "clean"}
    return " ".join(["-s", "-w", *(f"-X {package}.{name}={value}" for name, value in values.items())])


def sources(directory: Path) -> list[Path]:
    kinds = {".go", ".mod", ".sum"}
    return sorted(path for path in directory.rglob("*") if path.suffix in kinds and not path.name.endswith("_test.go"))


def digest(files: Sequence[Path], *facts: str) -> str:
    found = hashlib.sha256("\0".join(facts).encode())
    for path in files:
        found.update(f"\0{path.relative_to(HERE)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def compile_go(module: Path, package: str, flags: str, target: Path, log: Log) -> None:
    log(f"building {target.name} from Go modules (minutes the first time, seconds after)")
    environment = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        # The checksum database does not know this one module; go.sum pins it all the same.
        "GONOSUMDB": "sigs.k8s.io/metrics-server",
    }
    partial = target.with_suffix(".partial")
    command = ["nice", "go", "build", "-trimpath", "-ldflags", flags, "-o", str(partial), package]
    done = subprocess.run(command, cwd=module, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"go build of {package} in {module} failed:\n{done.stderr[-4000:]}")
    partial.replace(target)


def go_parts(cache: Path, version: str, log: Log) -> dict[str, Path]:
    """The Go binaries of one version, built where they are not kept yet."""
    toolchain = go_version()
    module = HERE / "kube"
    wanted = {
        "kube": (module, ".", link_flags(version)),
        # Without a version: one of Kubernetes would make metrics-server hide its API as long removed.
        "addons": (module, "./addons", "-s -w"),
        "pause": (module, "./pause", "-s -w"),
        "ecr-credential-provider": (HERE / "credentials", ECR_PROVIDER, "-s -w"),
    }
    found: dict[str, Path] = {}
    for name, (directory, package, flags) in wanted.items():
        key = digest(sources(directory), toolchain, package, flags)
        found[name] = cache / f"{name}-{key[:16]}"
        if not found[name].exists():
            compile_go(directory, package, flags, found[name], log)
    return found


def package_files() -> dict[str, Path]:
    package = HERE / "k3s"
    kept = [path for path in package.rglob("*") if path.suffix in (".py", ".yaml") and path.name != "__main__.py"]
    return {str(path.relative_to(HERE)): path for path in kept} | {"__main__.py": package / "__main__.py"}


def assemble(cache: Path, parts: Mapping[str, Path], version: str) -> Artifact:
    pause = archives.Image(PAUSE, {"/pause": parts["pause"]}, ["/pause"], "65535:65535")
    addons = archives.Image(ADDONS, {"/bin/addons": parts["addons"]}, ["/bin/addons"])
    pause_tar = Path(f"{parts['pause']}.tar")
    images_tar = cache / f"k3s-airgap-images-{parts['addons'].name.rpartition('-')[2]}.tar"
    if not pause_tar.exists():
        archives.write_images([pause], pause_tar)
    if not images_tar.exists():
        archives.write_images([pause, addons], images_tar)
    files: dict[str, Path | bytes] = {**package_files(), "bin/kube": parts["kube"], "pause.tar": pause_tar}
    # A binary's name carries the digest of its sources, so it need not be read again to know it.
    contents = (
        str(path).encode() if name in ("bin/kube", "pause.tar") else _bytes(path) for name, path in files.items()
    )
    key = hashlib.sha256(b"\0".join([version.encode(), *files_names(files), *contents])).hexdigest()
    files |= {
        "version": f"k3s version {version} (standin)\n{go_version().split()[2].replace('go', 'go version go')}\n".encode(),
        "components": COMPONENTS.encode(),
        "digest": key.encode(),
    }
    target = cache / f"k3s-{key[:16]}" / "k3s"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        archives.write_self_extracting(files, target)
    provider = parts["ecr-credential-provider"]
    return Artifact(
        target,
        _kept_digest(target),
        version,
        images_tar,
        _kept_digest(images_tar),
        provider,
        _kept_digest(provider),
    )


def files_names(files: Mapping[str, Path | bytes]) -> list[bytes]:
    return [name.encode() for name in files]


def _bytes(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _kept_digest(path: Path) -> str:
    kept = Path(f"{path}.sha256")
    if not kept.exists():
        kept.write_text(archives.file_digest(path))
    return kept.read_text()


def build(cache_dir: Path, log: Log, version: str = VERSION) -> Artifact:
    """Build what is not built yet. Another patch version of 1.34 is the same code under another name."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    artifact = assemble(cache_dir, go_parts(cache_dir, version, log), version)
    log(f"K3s stand-in {artifact.version}: {artifact.path} sha256 {artifact.sha256}")
    return artifact


def main() -> int:
    cache = Path(os.environ.get("K3S_STANDIN_CACHE", HERE.parents[1] / ".sandbox" / "cache" / "k3s_standin"))
    try:
        build(cache, lambda line: print(line, file=sys.stderr))
    except BuildError as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
