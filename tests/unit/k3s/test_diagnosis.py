"""The likely cause is named first, from what was seen on the host."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.diagnosis import Evidence, causes, final, report
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.evidence import clashes

SERVER = "https://10.0.0.10:6443"
CIDRS = {"k3s_common_cluster_cidr": "10.42.0.0/16", "k3s_common_service_cidr": "10.43.0.0/16"}


MISMATCH = (
    'level=warning msg="critical configuration mismatched: secrets-encryption"',
    'level=warning msg="critical configuration mismatched: disable"',
    'level=fatal msg="Error: preparing server: critical configuration value mismatch between servers"',
)


def seen(**over: object) -> Evidence:
    base: dict[str, object] = {"service": "activating", "role": "agent", "server": SERVER}
    return Evidence(**{**base, **over})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "first", "sure"),
    [
        (seen(ports={"10.0.0.10:6443": "refused"}), "port closed: 10.0.0.10:6443 does not answer", False),
        (seen(ports={"10.0.0.10:6443": "timeout"}), "security group or firewall", False),
        (seen(ports={"s1:6443": "unresolved"}), "name does not resolve", False),
        (seen(ports={"10.0.0.10:6443": "open"}, tls="ok", status=401), "refuses the token (401)", True),
        (seen(journal=("level=fatal msg=x not authorized",)), "k3s_common_agent_token on this host", True),
        (seen(role="server", status=401), "k3s_common_token on this host", True),
        (seen(tls="another CA"), "has another CA", True),
        (seen(journal=("token CA hash does not match the Cluster CA certificate hash: a != b",)), "another CA", True),
        (seen(journal=("Node password rejected, duplicate hostname",)), "duplicate node password", True),
        (seen(journal=("etcd cluster join failed: duplicate node name found",)), "delete node", True),
        (seen(clock_difference=-120.0), "-120 s off the server's", True),
        (seen(clashes=("eth0 has 10.42.0.7, which lies in k3s_common_cluster_cidr",)), "address clash", True),
        (seen(disk_mb=12), "only 12 MB are free", False),
        (seen(memory_mb=20), "only 20 MB of memory", False),
        (seen(journal=("bootstrap data already found and encrypted with different token",)), "another token", True),
        (seen(journal=MISMATCH), "equal on all servers differs: secrets-encryption, disable.", True),
        (seen(journal=("critical configuration value mismatch between servers",)), "differs: cluster-cidr", True),
    ],
)
def test_the_likely_cause_comes_first(evidence: Evidence, first: str, sure: bool) -> None:
    assert first in causes(evidence)[0].text
    assert final(replace(evidence, news=evidence.journal)) is sure
    assert first in report(evidence, "a1", 12.0).splitlines()[0]


# As K3s writes them when it refuses someone else.
ANSWERS = (
    'time="2026-11-26T09:00:00Z" level=error msg="Sending HTTP/2.0 401 response to 10.0.0.77:40122: not authorized"',
    'time="2026-11-26T09:00:01Z" level=error msg="Sending HTTP/1.1 403 response to 10.0.0.78:5: Node password rejected"',
)
REFUSED = 'level=fatal msg="Error: preparing server: https://10.0.0.10:6443/v1-k3s/server-bootstrap: 401 Unauthorized"'


@pytest.mark.parametrize("joining", [True, False])
@pytest.mark.parametrize("role", ["server", "agent"])
def test_what_a_server_answers_to_others_is_no_cause_of_its_own(role: str, joining: bool) -> None:
    assert causes(seen(role=role, joining=joining, journal=ANSWERS)) == []


def test_only_who_joins_is_refused() -> None:
    assert "k3s_common_token on this host" in causes(seen(role="server", joining=True, journal=(REFUSED,)))[0].text
    assert causes(seen(role="server", joining=False, journal=(REFUSED,))) == []


def test_a_line_that_is_not_new_does_not_end_the_wait() -> None:
    assert not final(seen(journal=(REFUSED,)))
    assert final(seen(journal=(REFUSED,), news=(REFUSED,)))
    assert final(seen(status=401))


def test_a_wrong_token_outranks_a_full_disk() -> None:
    found = causes(seen(status=401, disk_mb=1))
    assert [cause.final for cause in found] == [True, False]


def test_without_a_known_cause_the_journal_is_shown() -> None:
    text = report(seen(ports={"10.0.0.10:6443": "open"}, tail=("something new",)), "a1", 90.0)
    assert "no known cause" in text
    assert "something new" in text
    assert "10.0.0.10:6443 open" in text


def test_a_mismatch_of_settings_needs_the_words_of_k3s() -> None:
    assert causes(seen(journal=("all is well",))) == []


def test_an_address_of_the_host_inside_a_range_of_the_cluster() -> None:
    found = clashes([("eth0", "10.42.3.4"), ("eth1", "192.168.0.2"), ("eth0", "fe80::1")], CIDRS)
    assert len(found) == 1
    assert "eth0 has 10.42.3.4" in found[0]
