"""What the environment and the mounted files say. Nothing else configures the application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVICES = ("auth", "event", "queue", "reservation", "payment")
MONOLITH = "monolith"
SIGNING_KEY_BYTES = 32


class SettingsError(Exception):
    """Everything that is wrong with the environment, in one message."""


def secret(path: Path) -> str:
    """Read at each use, so that a rotated secret is taken up without a restart."""
    return path.read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Settings:
    service: str
    port: int
    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_password_file: Path | None
    database_sslmode: str
    database_ca_file: str
    database_pool_max: int
    database_pooled: bool
    redis_host: str
    redis_port: int
    redis_tls: bool
    redis_token_file: Path | None
    redis_ca_file: str
    signing_key_file: Path
    queue_rate: float
    queue_burst: int
    hold_seconds: int

    @property
    def services(self) -> tuple[str, ...]:
        return SERVICES if self.service == MONOLITH else (self.service,)


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self.env.get(name, "").strip() or default
        if value is None:
            self.faults.append(f"{name} is not set")
            return ""
        return value

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            self.faults.append(f"{name} is {value!r}, one of {', '.join(allowed)} is possible")
        return value

    def number(self, name: str, default: str, low: float, high: float) -> float:
        value = self.text(name, default)
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            self.faults.append(f"{name} is {value!r}, a number from {low:g} to {high:g} is possible")
            return low
        return number

    def file(self, name: str, *, required: bool) -> Path | None:
        value = self.env.get(name, "").strip()
        if not value:
            if required:
                self.faults.append(f"{name} is not set")
            return None
        path = Path(value)
        try:
            if not secret(path):
                self.faults.append(f"{name}: {path} is empty")
        except OSError as error:
            self.faults.append(f"{name}: {path} cannot be read: {error.strerror}")
        return path


def load(env: Mapping[str, str]) -> Settings:
    read = _Reader(env)
    sslmode = read.choice("DATABASE_SSLMODE", "verify-full", ("verify-full", "disable"))
    host = read.text("DATABASE_HOST")
    if sslmode == "disable" and not host.startswith("/"):
        read.faults.append(f"DATABASE_SSLMODE is 'disable', which is for a Unix socket, and DATABASE_HOST is {host!r}")
    redis_host = read.text("REDIS_HOST")
    redis_tls = read.choice("REDIS_TLS", "true", ("true", "false")) == "true"
    if redis_tls and redis_host.startswith("/"):
        read.faults.append(f"REDIS_TLS is 'true', and REDIS_HOST {redis_host!r} is a Unix socket, which has no TLS")
    signing_key_file = read.file("SIGNING_KEY_FILE", required=True) or Path()
    if not read.faults and len(secret(signing_key_file)) < SIGNING_KEY_BYTES:
        read.faults.append(f"SIGNING_KEY_FILE: {signing_key_file} holds fewer than {SIGNING_KEY_BYTES} characters")
    database_ca = read.file("DATABASE_CA_FILE", required=False)
    redis_ca = read.file("REDIS_CA_FILE", required=False)
    queue_rate = read.number("QUEUE_RATE", "50", 0.1, 100_000)
    settings = Settings(
        service=read.choice("SERVICE", MONOLITH, (MONOLITH, *SERVICES)),
        port=int(read.number("PORT", "3001", 1, 65535)),
        database_host=host,
        database_port=int(read.number("DATABASE_PORT", "5432", 1, 65535)),
        database_name=read.text("DATABASE_NAME", "tiketi"),
        database_user=read.text("DATABASE_USER"),
        database_password_file=read.file("DATABASE_PASSWORD_FILE", required=sslmode != "disable"),
        database_sslmode=sslmode,
        # "system" is the trust store of the machine.
        database_ca_file=str(database_ca or "system"),
        database_pool_max=int(read.number("DATABASE_POOL_MAX", "10", 1, 200)),
        database_pooled=read.choice("DATABASE_POOLED", "false", ("true", "false")) == "true",
        redis_host=redis_host,
        redis_port=int(read.number("REDIS_PORT", "6379", 1, 65535)),
        redis_tls=redis_tls,
        redis_token_file=read.file("REDIS_TOKEN_FILE", required=redis_tls),
        redis_ca_file=str(redis_ca or ""),
        signing_key_file=signing_key_file,
        queue_rate=queue_rate,
        queue_burst=int(read.number("QUEUE_BURST", f"{max(queue_rate, 1):.0f}", 1, 100_000)),
        hold_seconds=int(read.number("HOLD_SECONDS", "600", 1, 3600)),
    )
    if read.faults:
        raise SettingsError("; ".join(read.faults))
    return settings
