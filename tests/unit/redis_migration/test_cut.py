"""Ending the sessions of others, also at a server that knows no kinds of sessions."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.freeze import cut_others

LIST = b"id=3 addr=10.0.0.3:1 flags=N\nid=4 addr=10.0.0.4:1 flags=N\nid=5 addr=10.0.0.5:1 flags=S\nid=6 addr=10.0.0.6:1 flags=N\nid=7 addr=10.0.0.7:1 flags=P\n"


class Dragonfly:
    where = Endpoint("source", "old", 6379)

    def __init__(self) -> None:
        self.killed: list[str] = []

    def call(self, *command: Any) -> Any:
        if command[1] == "KILL":
            raise ReplyError("ERR syntax error")
        return {"ID": 3, "LIST": LIST}[command[1]]

    def ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        self.killed = [command[3] for command in commands]
        answers = {"4": 1, "6": ReplyError("ERR No such client"), "7": ReplyError("NOPERM no")}
        return [answers[number] for number in self.killed]


def test_one_by_one_where_kinds_are_not_known() -> None:
    server = Dragonfly()
    told = cut_others(server)  # type: ignore[arg-type]
    assert server.killed == ["4", "6", "7"]  # neither ourselves nor a replica
    assert told == ["source old:6379: the session from 10.0.0.7:1 could not be ended (NOPERM no)"]
