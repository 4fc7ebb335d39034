"""The roles as users run them: the proxy's configuration, which a run of the role does not switch back, and the verbs of a move."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch

from tests.integration.redis_servers import PASSWORD, TOKEN, Proxy, RedisServer
from tests.integration.role_play import play
from tests.waiting import until


@pytest.fixture
def proxy_role(old: RedisServer, new: RedisServer, tmp_path: Path) -> Callable[..., tuple[int, int, str]]:
    values = {
        "redis_proxy_old": {"host": "127.0.0.1", "port": old.port},
        "redis_proxy_new": {"host": "localhost", "port": new.port, "ca_file": new.ca_file},
        "redis_proxy_active": "keep",
        "redis_proxy_listen": [],
        "redis_proxy_socket": f"{tmp_path}/run/redis.sock",
        "redis_proxy_max_connections": 100,
        "__redis_proxy_folder": f"{tmp_path}/etc",
        "__redis_proxy_run": f"{tmp_path}/run",
        "__redis_proxy_tmpfiles": f"{tmp_path}/folders.conf",
    }
    return lambda *arguments, **more: play(tmp_path, "redis_proxy", "configure.yml", values | more, *arguments)


@pytest.fixture
def running(tmp_path: Path, proxy_role: Callable[..., tuple[int, int, str]]) -> Iterator[ProxySwitch]:
    code, changed, said = proxy_role()
    assert (code, changed) == (0, 1), said
    process = subprocess.Popen(["haproxy", "-db", "-f", f"{tmp_path}/etc/haproxy.cfg"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or (tmp_path / "run" / "admin.sock").exists())
        assert process.poll() is None
        yield ProxySwitch(tmp_path / "run" / "admin.sock", tmp_path / "etc" / "haproxy.cfg")
    finally:
        process.kill()
        process.wait()


def test_a_switched_proxy_stays_switched(
    tmp_path: Path, running: ProxySwitch, proxy_role: Callable[..., tuple[int, int, str]]
) -> None:
    socket = f"{tmp_path}/run/redis.sock"
    assert oct((tmp_path / "run" / "admin.sock").stat().st_mode)[-3:] == "600"
    assert redis.Redis(unix_socket_path=socket, password=PASSWORD).ping()
    running.activate("new")
    config = (tmp_path / "etc" / "haproxy.cfg").read_text()
    assert redis.Redis(unix_socket_path=socket, password=TOKEN).ping()  # by TLS to the other server
    assert proxy_role()[:2] == (0, 0)
    assert (tmp_path / "etc" / "haproxy.cfg").read_text() == config
    code, changed, said = proxy_role("--check", "--diff", redis_proxy_active="old")
    assert (code, changed) == (0, 1)
    assert "+    server new localhost" in said
    assert (tmp_path / "etc" / "haproxy.cfg").read_text() == config


def test_before_there_is_a_target_a_dry_run_says_how_much_there_is(tmp_path: Path, old: RedisServer) -> None:
    old.do("MSET", "k", "v", "cache:1", "v")
    source = {"host": "127.0.0.1", "port": str(old.port), "token": PASSWORD, "tls": "false", "ca": ""}
    values = {
        "redis_migration_step": "copy",
        "redis_migration_source_secret": "old/redis",
        "redis_migration_target": {"host": "", "port": 0, "secret": "x", "ca_file": ""},
        "redis_migration_keys": [{"keys": "cache:*", "kind": "cache"}],
        "redis_migration_report_dir": str(tmp_path),
        "__redis_migration_secret": source,
        "platform_project": "p", "platform_region": "r", "platform_state_dir": str(tmp_path),
    }  # fmt: skip
    told = "it would be filled from old/redis: 1 keys of state, 1 of cache, about 0 MiB of state; copy about 1 s, freeze about 0.2 s"
    unreachable = {"__redis_migration_secret": source | {"port": "1"}}
    for wrong, words, ends in (({}, told, 0), (unreachable, "127.0.0.1:1", 2)):
        code, changed, said = play(tmp_path, "redis_migration", "main.yml", values | wrong, "--check", "--diff")
        assert (code, changed) == (ends, 0), said
        assert words in " ".join(said.split()), said
        assert PASSWORD not in said


@pytest.mark.full
def test_the_verbs_of_a_move(tmp_path: Path, old: RedisServer, new: RedisServer, proxy: Proxy) -> None:
    old.do("SET", "k", "v")
    values = {
        "redis_migration_target": {"host": "localhost", "port": new.port, "secret": "x", "ca_file": new.ca_file},
        "redis_migration_keys": [{"keys": "cache:*", "kind": "cache"}],
        "redis_migration_proxy_socket": str(proxy.switch.admin.path),
        "redis_migration_proxy_config": str(proxy.switch.config_file),
        "redis_migration_folder": f"{tmp_path}/journal",
        "redis_migration_report_dir": str(tmp_path),
        "__redis_migration_ca_dest": f"{tmp_path}/ca.pem",
        "__redis_migration_secret": {"host": "127.0.0.1", "port": str(old.port), "token": PASSWORD, "tls": "false", "ca": ""},
        "__redis_migration_target": {"host": "localhost", "port": new.port, "password": TOKEN, "ca_file": f"{tmp_path}/ca.pem"},
        "platform_project": "p", "platform_region": "r", "platform_state_dir": str(tmp_path),
    }  # fmt: skip

    def steps(*verbs: str, arguments: tuple[str, ...] = ()) -> tuple[int, int, str]:
        each = [{"redis_migration_step": verb} for verb in verbs]
        code, changed, said = play(tmp_path, "redis_migration", "main.yml", values, *arguments, each=each)
        assert PASSWORD not in said
        assert TOKEN not in said
        return code, changed, " ".join(said.split())

    code, changed, said = steps("preflight", "verify")
    assert (code, changed) == (2, 1), said  # the certificate authority
    assert "verify is out of order: the move is new, next is copy" in said
    code, changed, said = steps("cutover", arguments=("--check",))
    assert (code, changed) == (0, 1), said
    assert "cutover would be done: 1 keys of state" in said
    assert new.do("EXISTS", "k") == 0
    code, changed, said = steps("cutover", "cutover", "rollback", "rollback", "cutover", "finish", "finish")
    # Three of the four moves write their report, which is another file or has other seconds.
    # Four verbs and their reports; the second cutover's may be the same as the first one's, to the hundredth of a second.
    assert code == 0, said
    assert changed in (4 + 2, 4 + 3), said
    assert new.do("GET", "k") == b"v"
    assert proxy.switch.active() == "new"
    assert json.loads((tmp_path / "redis-cutover.json").read_text())["seconds"]
