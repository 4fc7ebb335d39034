"""Redis servers of our own on spare ports of the loopback: one plays the old host, one ElastiCache, and HAProxy stands before both."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

from tests.integration.pg_clusters import make_ca, make_server_certificate
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a/b@c%d:e\\f'g"  # noqa: S105 - every character that has ever broken a URL or a shell
TOKEN = "Tiketi-ElastiCache!Token#1"  # noqa: S105
# No replication, no MONITOR, no keyspace events: what a move may not need. Dragonfly has none of them either.
OLD_RULES = "+@all -psync -sync -replicaof -monitor"
# What ElastiCache refuses.
MANAGED_RULES = (
    "+@all -config -debug -migrate -save -bgsave -bgrewriteaof -replicaof -slaveof -shutdown -sync -psync -monitor"
    " -acl|setuser -acl|deluser -acl|load -acl|save"
)
HAPROXY = """global
    nbthread 1
    stats socket {folder}/admin.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
frontend redis
    bind 127.0.0.1:{port}
    default_backend redis
backend redis
    server old 127.0.0.1:{old}
    server new 127.0.0.1:{new} ssl verify required ca-file {ca} verifyhost localhost sni str(localhost) disabled
"""


def spare_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def other_server(name: str) -> str:
    """A server that Debian 12 has not among its own: valkey-server, or redis-server-6; tests/integration/other_redis.sh brings them."""
    brought = ROOT / ".cache" / "other-redis" / name
    return str(brought) if brought.is_file() else shutil.which(name) or ""


@dataclass
class RedisServer:
    """A running server, and the ways into it."""

    side: str
    folder: Path
    port: int
    binary: str = "redis-server"
    tls: bool = False
    rules: str = OLD_RULES
    password: str = PASSWORD
    channels: str = "&*"  # Redis 6.0 has no rules of channels
    extra: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        lines = ["bind 127.0.0.1", 'save ""', "appendonly no", "databases 4", f"dir {self.folder}", *self.extra]
        quoted = self.password.replace("\\", "\\\\")
        lines += [
            f'user default on ">{quoted}" ~* {self.channels} {self.rules}',
            f"user admin on >admin ~* {self.channels} +@all",
        ]
        if self.tls:
            lines += ["port 0", f"tls-port {self.port}", "tls-auth-clients no", "tls-replication no"]
            lines += [f"tls-cert-file {self.folder}/server.crt", f"tls-key-file {self.folder}/server.key"]
            lines += [f"tls-ca-cert-file {self.folder}/ca.pem"]
        else:
            lines.append(f"port {self.port}")
        conf = self.folder / "redis.conf"
        conf.touch(mode=0o600)
        conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.process = subprocess.Popen([self.binary, str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, f"no Redis at port {self.port}")

    def _answers(self) -> bool:
        with contextlib.suppress(RedisMoveError):
            self.admin().close()
            return True
        return False

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.pem") if self.tls else ""

    def endpoint(self) -> Endpoint:
        return Endpoint(self.side, "localhost", self.port, "", self.password, self.tls, self.ca_file)

    def admin(self, db: int = 0) -> Link:
        return Link(Endpoint(self.side, "localhost", self.port, "admin", "admin", self.tls, self.ca_file), db)

    def do(self, *command: bytes | str | int, db: int = 0) -> object:
        with self.admin(db) as link:
            return link.call(*command)

    def reset(self) -> None:
        with self.admin() as link:
            link.call("ACL", "SETUSER", "admin", "+@all")
            link.call("CLIENT", "UNPAUSE")
            link.call("FLUSHALL")
            link.call("FUNCTION", "FLUSH")
            link.ask([("ACL", "DELUSER", "platform-migration")])
            link.call("ACL", "SETUSER", "default", "reset", "on", f">{self.password}", "~*", "&*", *self.rules.split())


@contextlib.contextmanager
def make_server(
    root: Path, side: str, tls: bool = False, binary: str = "redis-server", **more: object
) -> Iterator[RedisServer]:
    folder = Path(tempfile.mkdtemp(prefix=f"{side}-", dir=root))
    if tls:
        make_server_certificate(folder, make_ca(folder, "ca"))
        make_ca(folder, "other-ca")
    rules, password = (MANAGED_RULES, TOKEN) if tls else (OLD_RULES, PASSWORD)
    server = RedisServer(side, folder, spare_port(), binary, tls, rules, password, **more)  # type: ignore[arg-type]
    try:
        server.start()
        yield server
    finally:
        server.stop()


@dataclass
class Proxy:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def switch(self) -> ProxySwitch:
        return ProxySwitch(self.folder / "admin.sock", self.folder / "haproxy.cfg")


@contextlib.contextmanager
def make_proxy(root: Path, old: RedisServer, new: RedisServer) -> Iterator[Proxy]:
    folder = Path(tempfile.mkdtemp(prefix="proxy-", dir=root))
    port = spare_port()
    text = HAPROXY.format(folder=folder, port=port, old=old.port, new=new.port, ca=new.ca_file)
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        proxy = Proxy(folder, port, process)
        until(lambda: process.poll() is not None or (folder / "admin.sock").exists())
        assert process.poll() is None, "haproxy did not start"
        yield proxy
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def make_root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="platform-redis-"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def memory(pid: int | None = None) -> int:
    """Resident bytes of a process, at most so far."""
    text = Path(f"/proc/{pid or os.getpid()}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM"))
