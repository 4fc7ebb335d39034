"""Names, addresses and paths of the sandbox: each is set here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

NAME = "tiketi-sandbox"
LABEL = f"tiketi-sandbox={NAME}"  # on every container, network and volume
DIGEST_LABEL = "tiketi-sandbox.digest"  # what an image or a container was made from
MINISTACK_LABEL = "ministack"  # on whatever MiniStack starts

PROJECT = "tiketi"
MANAGED_BY = "tiketi.platform"
ACCOUNT = "000000000000"
REGION = "ap-northeast-2"

SUBNET = IPv4Network("10.89.64.0/20")
GATEWAY = IPv4Address("10.89.64.1")
MINISTACK_ADDRESS = IPv4Address("10.89.64.2")
MINISTACK_PORT = 4566
ENDPOINT = f"http://{MINISTACK_ADDRESS}:{MINISTACK_PORT}"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
# AWS's own names, which lead to the local AWS on the sandbox network.
AWS_NAMES = (
    REGISTRY,
    f"api.ecr.{REGION}.amazonaws.com",
    *(f"{service}.{REGION}.amazonaws.com" for service in ("ec2", "s3", "secretsmanager", "ssm", "sts")),
)
CA_ON_HOSTS = "/usr/local/share/ca-certificates/sandbox.crt"  # put there at first boot
VPC_CIDR = IPv4Network("10.89.0.0/16")

IMAGE_PREFIX = "localhost/tiketi-sandbox"
HOST_USER = "admin"
DEBIAN_SUITE = "bookworm"
DEBIAN_MIRROR = "http://deb.debian.org/debian"

REPOSITORY = Path(__file__).resolve().parents[1]
IMAGE_SOURCES = REPOSITORY / "sandbox" / "images"


@dataclass(frozen=True)
class Paths:
    """Everything the sandbox writes outside the container engine."""

    root: Path = REPOSITORY / ".sandbox"
    cache: Path = REPOSITORY / ".cache" / "sandbox"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def engine_conf(self) -> Path:
        return self.root / "containers.conf"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca.key"  # not beside the others: that directory is mounted

    @property
    def ca(self) -> Path:
        return self.tls / "ca.pem"

    @property
    def seeds(self) -> Path:
        return self.root / "hosts"

    @property
    def private_key(self) -> Path:
        return self.root / "ssh" / "id_ed25519"

    @property
    def public_key(self) -> Path:
        return self.private_key.with_suffix(".pub")

    @property
    def env(self) -> Path:
        return self.root / "env"

    @property
    def vars(self) -> Path:
        return self.root / "vars.yml"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.cache / "lock"
