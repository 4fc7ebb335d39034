"""The likely cause is named first, from what was seen on the host."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.diagnosis import Evidence, causes, final, report
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.evidence import clashes

SERVER = "https://10.0.0.10:6443"
CIDRS = {"k3s_common_cluster_cidr": "10.42.0.0/16", "k3s_common_service_cidr": "10.43.0.0/16"}


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
        (seen(journal=("critical configuration mismatched",)), "equal on all servers", True),
    ],
)
def test_the_likely_cause_comes_first(evidence: Evidence, first: str, sure: bool) -> None:
    assert first in causes(evidence)[0].text
    assert final(evidence) is sure
    assert first in report(evidence, "a1", 12.0).splitlines()[0]


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
