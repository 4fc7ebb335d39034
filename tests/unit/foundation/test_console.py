"""SSH host keys from consoles: complete blocks only, bounded waits, a reason for each host without a key."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._ec2_host.console import BEGIN, END, host_key
from ansible_collections.tiketi.platform.plugins.module_utils._ec2_host.wait import await_keys


def key(letter: str) -> str:
    kind = b"ssh-ed25519"
    raw = struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + letter.encode() * 32
    return f"ssh-ed25519 {base64.b64encode(raw).decode()}"


def console(*keys: str) -> str:
    lines = ["ecdsa-sha2-nistp256 AAAAE2VjZHNh root@host", *(f"{k} root@host" for k in keys)]
    return "\n".join(["[    1.0] systemd[1]: up", BEGIN, *lines, END, "login:"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        (console(key("a")), key("a")),
        (console(key("a")).replace("\n", "\r\n"), key("a")),
        (console(key("a")).partition(END)[0], ""),
        (console(key("a")) + console(key("b")), key("b")),
        (console("ssh-ed25519 bm90IGEga2V5"), ""),
        (console(), ""),
        (f"ci-info: {key('a')}", ""),
    ],
)
def test_only_a_complete_block_counts(text: str, found: str) -> None:
    assert host_key(text) == found


@dataclass
class Fake:
    """Consoles that show a key after some looks."""

    after: dict[str, int]
    states: dict[str, str] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    now: float = 0

    def output(self, instance_id: str) -> str:
        self.looks[instance_id] = self.looks.get(instance_id, 0) + 1
        return console(key("a")) if self.looks[instance_id] > self.after[instance_id] else "still booting"

    def state(self, instance_id: str) -> str:
        return self.states.get(instance_id, "running")

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


def wait(fake: Fake, timeout: float = 10) -> tuple[dict[str, str], dict[str, str]]:
    outcome = await_keys(fake, {name: name for name in fake.after}, timeout, clock=fake.clock, sleep=fake.sleep)
    return outcome.keys, outcome.missing


def test_each_console_is_asked_until_it_shows_a_key_and_no_longer() -> None:
    fake = Fake({"a": 0, "b": 3})
    keys, missing = wait(fake)
    assert (sorted(keys), missing) == (["a", "b"], {})
    assert fake.looks == {"a": 1, "b": 4}


def test_a_late_host_is_named_with_the_end_of_its_console() -> None:
    keys, missing = wait(Fake({"a": 0, "b": 99}))
    assert sorted(keys) == ["a"]
    assert "still booting" in missing["b"]


def test_a_dead_instance_is_not_waited_for() -> None:
    fake = Fake({"a": 99}, states={"a": "terminated"})
    _keys, missing = wait(fake, timeout=1000)
    assert "terminated" in missing["a"]
    assert fake.now == 0
