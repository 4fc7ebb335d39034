"""The host is started anew, as after a new kernel: everything comes back by itself, and leads where it led before."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from test_compose import DIRECTORY, SCENARIO, ask, on_host, play

SIDES = "cat /etc/pgbouncer/databases.ini; grep '^ *server ' /etc/redis-proxy/haproxy.cfg"
CONTAINERS = "podman ps --noheading --format '{{.Names}}' | sort"
SECONDS = 180.0


def healthy() -> bool:
    try:
        return ask("/health")[0] == 200
    except OSError:
        return False


def test_a_host_that_was_restarted_serves_as_before() -> None:
    sides, running = on_host(SIDES), on_host(CONTAINERS)
    booted = on_host("stat -c %Y /proc/1")
    subprocess.run([sys.executable, str(SCENARIO / "stage.py"), "restart", str(DIRECTORY)], check=True)
    end = time.monotonic() + SECONDS
    while not healthy():
        assert time.monotonic() < end, on_host(
            "systemctl --failed; podman ps --all; journalctl -b -p warning -n 50", check=False
        )
        time.sleep(0.5)  # between two looks
    assert on_host("stat -c %Y /proc/1") != booted
    assert on_host(SIDES) == sides
    assert on_host(CONTAINERS) == running
    assert ask("/api/v1/events")[0] == 200, "the rows are there"
    for mode in ([], ["--check"]):
        again = play(*mode, book=SCENARIO / "converge.yml")
        assert again.returncode == 0, again.stdout[-3000:]
        assert re.search(r"app-1\s.*changed=0 .*failed=0", again.stdout), again.stdout[-3000:]
