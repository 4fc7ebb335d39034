"""Who forms, who joins, who waits: a rebuilt first server never forms a second cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.filter.k3s import k3s_faulty, k3s_unseen
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import cluster, quorum
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError


def look(host: str, alive: bool = False, data: bool = False, ca: str = "") -> dict[str, Any]:
    ca = ca or ("ca" if data else "")
    return {"url": f"https://{host}:6443", "alive": alive, "data": data, "ca_hash": ca, "ca_pem": "", "skew": 0.0}


def looks(**states: str) -> dict[str, Any]:
    """States: empty, data, alive, unseen."""
    found: dict[str, Any] = {}
    for host, state in states.items():
        found[host] = None if state == "unseen" else look(host, state == "alive", state in {"data", "alive"})
    return found


@pytest.mark.parametrize(
    ("seen", "me", "mode", "url"),
    [
        (looks(s1="empty"), "s1", "init", ""),
        (looks(s1="empty", s2="empty", s3="empty"), "s1", "init", ""),
        (looks(s1="alive", s2="empty", s3="empty"), "s2", "join", "https://s1:6443"),
        # the first server was rebuilt
        (looks(s1="empty", s2="alive", s3="alive"), "s1", "join", "https://s2:6443"),
        (looks(s1="empty", s2="data", s3="alive"), "s1", "join", "https://s3:6443"),
        (looks(s1="data"), "s1", "keep", ""),
        (looks(s1="data", s2="alive", s3="alive"), "s1", "keep", ""),
        (looks(s1="unseen", s2="alive", s3="empty"), "s3", "join", "https://s2:6443"),
    ],
)
def test_how_a_server_comes_in(seen: dict[str, Any], me: str, mode: str, url: str) -> None:
    found = cluster.join(seen, me)
    assert found["mode"] == mode
    if url:
        assert found["url"] == url


def test_an_agent_asks_the_first_living_server() -> None:
    found = cluster.join(looks(s1="data", s2="alive", s3="alive"), "a1", "agent")
    assert (found["mode"], found["url"]) == ("join", "https://s2:6443")


def test_it_is_told_whether_every_server_answered() -> None:
    assert cluster.join(looks(s1="alive", s2="alive"), "a1", "agent")["all_known"]
    found = cluster.join(looks(s1="unseen", s2="alive"), "a1", "agent")
    assert (found["all_known"], found["known"]) == (False, ["https://s2:6443"])


@pytest.mark.parametrize(("limited", "unseen"), [(False, ["gone", "new"]), (True, ["gone"])])
def test_who_did_not_answer_is_told_apart_from_who_has_a_fault(limited: bool, unseen: list[str]) -> None:
    answers = {
        "fine": {"n": {"node": {"name": "fine"}}},
        "gone": {"n": {"unreachable": True, "failed": False}},
        "faulty": {"n": {"failed": True, "msg": "x"}},
        "new": {},
    }
    assert k3s_unseen(answers, list(answers), "n", limited) == unseen
    assert k3s_faulty(answers, list(answers), "n") == ["faulty"]


def test_without_a_living_server_the_ca_is_unknown() -> None:
    assert cluster.join(looks(s1="empty"), "a1", "agent")["ca_hash"] == ""
    assert cluster.join(looks(s1="data"), "a1", "agent")["ca_hash"] == ""


@pytest.mark.parametrize("state", ["empty", "unseen"])
def test_no_new_cluster_while_a_server_cannot_be_asked(state: str) -> None:
    seen = looks(s1="empty", s2=state, s3="unseen")
    with pytest.raises(K3sError, match="s3 could not be asked"):
        cluster.join(seen, "s1")


@pytest.mark.parametrize(
    ("voters", "allowed"),
    [
        ({}, True),
        ({"s1": True}, True),
        ({"s1": True, "s2": True}, True),  # nothing better can be had until the third has joined
        ({"s1": True, "s2": True, "s3": True}, True),
        ({"s1": True, "s2": False, "s3": True}, False),
        ({"s1": True, "s2": False, "s3": True, "s4": True, "s5": True}, True),
        ({"s1": True, "s2": False, "s3": False, "s4": True, "s5": True}, False),
        ({"s2": False, "s3": True}, False),
    ],
)
def test_a_restart_leaves_a_majority(voters: dict[str, bool], allowed: bool) -> None:
    fault = quorum.fault("s1", voters)
    assert (fault is None) is allowed
    if fault:
        assert "s2" in fault
        assert "delete node" in fault


def test_two_clusters_are_named() -> None:
    seen = {"s1": look("s1", data=True, ca="one"), "s2": look("s2", alive=True, data=True, ca="two")}
    with pytest.raises(K3sError, match="different clusters"):
        cluster.join(seen, "s1")


@pytest.mark.parametrize(
    ("seen", "order"),
    [
        (looks(s1="empty", s2="empty", s3="empty"), ["s1", "s2", "s3"]),
        (looks(s1="empty", s2="data", s3="alive"), ["s2", "s3", "s1"]),
        # a restart of s1 while s2 is down would take the majority
        (looks(s1="alive", s2="data", s3="alive"), ["s2", "s1", "s3"]),
        (looks(s1="alive", s2="unseen", s3="empty"), ["s1", "s3"]),
    ],
)
def test_the_order_of_turns(seen: dict[str, Any], order: list[str]) -> None:
    assert cluster.order(seen) == order
