"""The services of a stage as typed, immutable values.

The fields are the schema: parse.py reads types, defaults and limits from here, so that a key exists in one place only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Shorter than a label may be: the names of jobs and contents are made from it.
SERVICE_NAME = r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?"
DNS_LABEL = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
QUANTITY = r"([0-9]+(\.[0-9]+)?)(m|[kMGTP]i?|Ki)?"
HTTP_PATH = r"/[A-Za-z0-9._~/-]*"


def limited(**metadata: Any) -> dict[str, Any]:
    """Name the limits of a field: pattern, choices, low, high, hint."""
    return metadata


@dataclass(frozen=True)
class Amounts:
    cpu: str | None = field(default=None, metadata=limited(pattern=QUANTITY, hint="an amount such as 100m or 1"))
    memory: str | None = field(default=None, metadata=limited(pattern=QUANTITY, hint="an amount such as 128Mi"))


@dataclass(frozen=True)
class Resources:
    requests: Amounts
    limits: Amounts


@dataclass(frozen=True)
class Probe:
    path: str = field(metadata=limited(pattern=HTTP_PATH, hint="a path such as /health"))
    period: int = field(default=5, metadata=limited(low=1, high=300))
    timeout: int = field(default=2, metadata=limited(low=1, high=60))
    failures: int = field(default=3, metadata=limited(low=1, high=600))


@dataclass(frozen=True)
class Probes:
    """The start-up probe asks the path of `live` until it answers once; only then do the two others begin."""

    live: Probe
    ready: Probe
    startup: Probe | None = None


@dataclass(frozen=True)
class Hpa:
    min: int = field(metadata=limited(low=1, high=1000))
    max: int = field(metadata=limited(low=1, high=1000))
    cpu: int = field(default=70, metadata=limited(low=1, high=500))
    scale_down_window: int = field(default=300, metadata=limited(low=0, high=3600))


@dataclass(frozen=True)
class Pdb:
    max_unavailable: int = field(default=1, metadata=limited(low=1, high=1000))


@dataclass(frozen=True)
class Spread:
    zone: str = field(default="prefer", metadata=limited(choices=("require", "prefer", "ignore")))
    node: str = field(default="prefer", metadata=limited(choices=("require", "prefer", "ignore")))


@dataclass(frozen=True)
class Egress:
    cidr: str
    ports: tuple[int, ...] = field(metadata=limited(low=1, high=65535))


@dataclass(frozen=True)
class Network:
    calls: tuple[str, ...] = ()
    egress: tuple[Egress, ...] = ()


@dataclass(frozen=True)
class SecretFile:
    """One key of a secret in Secrets Manager, mounted as a file whose path the variable `env` holds."""

    name: str = field(metadata=limited(pattern=r"[A-Za-z0-9/_+=.@-]+", hint="the name of a secret in Secrets Manager"))
    key: str = field(metadata=limited(pattern=r"[A-Za-z0-9_.-]+", hint="a key of the secret's JSON object"))
    env: str = field(metadata=limited(pattern=ENV_NAME, hint="a variable name such as SIGNING_KEY_FILE"))


@dataclass(frozen=True)
class Migrations:
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    timeout: int = field(default=300, metadata=limited(low=1, high=86400))


@dataclass(frozen=True)
class Shutdown:
    """`drain` seconds pass between the pod leaving the load balancer and the signal to stop; `grace` bounds the whole."""

    drain: int = field(default=5, metadata=limited(low=0, high=600))
    grace: int = field(default=30, metadata=limited(low=1, high=3600))


@dataclass(frozen=True)
class Service:
    name: str = field(metadata=limited(pattern=SERVICE_NAME, hint="lower-case letters, digits and -, at most 40"))
    image: str = field(metadata=limited(pattern=r"\S+", hint="the name of an image, or a reference by digest"))
    port: int = field(metadata=limited(low=1024, high=65535))
    resources: Resources
    probes: Probes
    replicas: int = field(default=1, metadata=limited(low=0, high=1000))
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    paths: tuple[str, ...] = field(default=(), metadata=limited(pattern=HTTP_PATH, hint="a path such as /api/v1/x"))
    env: Mapping[str, str] = field(default_factory=dict)
    database: bool = False
    redis: bool = False
    secrets: tuple[SecretFile, ...] = ()
    hpa: Hpa | None = None
    pdb: Pdb = field(default_factory=Pdb)
    spread: Spread = field(default_factory=Spread)
    network: Network = field(default_factory=Network)
    migrations: Migrations | None = None
    shutdown: Shutdown = field(default_factory=Shutdown)
    user: int = field(default=10001, metadata=limited(low=1, high=2**31 - 1))
    progress_deadline: int = field(default=120, metadata=limited(low=10, high=3600))


@dataclass(frozen=True)
class Store:
    """A database or cache outside the cluster, and how a service proves that it talks to the right one."""

    host: str
    port: int
    secret: str
    name: str = ""
    tls: bool = True
    ca: str = ""


@dataclass(frozen=True)
class Target:
    """The stage and cluster that the services are rendered for."""

    namespace: str
    project: str
    images: Mapping[str, str] = field(default_factory=dict)
    ingress_class: str = ""
    ingress_host: str = ""
    ingress_tls_secret: str = ""
    ingress_annotations: Mapping[str, str] = field(default_factory=dict)
    caller_namespaces: tuple[str, ...] = ()
    caller_cidrs: tuple[str, ...] = ()
    store_cidrs: tuple[str, ...] = ()
    database: Store | None = None
    redis: Store | None = None
    secret_prefix: str = ""
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    metrics: bool = True
    # In check mode, what earlier steps would make is not there yet; then a placeholder stands in for it.
    guess: bool = False
