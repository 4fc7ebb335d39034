"""A move whose writers never left is given up, not finished: the old server stays the one, and the next move can be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import Move, migrate

from tests.integration.redis_migration.test_redis_cutover import OPTIONS, closing, cut_over, make
from tests.integration.redis_servers import Proxy, RedisServer


def finish(old: RedisServer, new: RedisServer, proxy: Proxy, folder: Path, clean: bool) -> dict[str, Any]:
    move = Move(old.endpoint(), new.endpoint(), OPTIONS, folder / "journal", proxy.switch, clean_target=clean)
    return migrate(move, "finish", False)


def rehearse(old: RedisServer, new: RedisServer, proxy: Proxy, folder: Path) -> None:
    with closing(make(old, new, proxy, folder)) as one:
        one.prepare()
        one.freeze()
        assert one.settle() == []
        one.reopen()


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.fewer("True")
def test_a_rehearsal_is_given_up_and_the_next_move_is_made(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, clean: bool
) -> None:
    old.do("SET", "k", "v")
    new.do("SET", "metrics:theirs", 1)
    rehearse(old, new, proxy, tmp_path)
    done = finish(old, new, proxy, tmp_path, clean)
    assert (done["phase"], done["changed"]) == ("new", True)
    assert "stays the only server" in done["message"]
    assert "takes no writes" not in done["message"]
    assert new.do("EXISTS", MARKER) == 0
    assert new.do("EXISTS", "metrics:theirs") == 1
    assert not finish(old, new, proxy, tmp_path, clean)["changed"]
    if not clean:
        assert new.do("GET", "k") == b"v"
        new.do("FLUSHALL")
    old.do("SET", "k", "w")
    with closing(make(old, new, proxy, tmp_path)) as one:
        cut_over(one)
    assert new.do("GET", "k") == b"w"
    assert finish(old, new, proxy, tmp_path, clean)["phase"] == "finished"
    assert new.do("GET", "k") == b"w"
    with (
        closing(make(old, new, proxy, tmp_path)) as again,
        pytest.raises(RedisMoveError, match=r"is finished.*remove "),
    ):
        again.prepare()


def test_what_users_are_led_to_is_not_removed(old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path) -> None:
    """Somebody switched by hand after a comparison."""
    old.do("SET", "k", "v")
    rehearse(old, new, proxy, tmp_path)
    proxy.switch.activate("new")
    with pytest.raises(RedisMoveError, match="the proxy leads to it"):
        finish(old, new, proxy, tmp_path, clean=True)
    assert new.do("GET", "k") == b"v"
