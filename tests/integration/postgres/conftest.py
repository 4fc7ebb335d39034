"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.pg_clusters import BIN, Cluster, make_clusters


@pytest.fixture(scope="session")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    if not (BIN / "initdb").exists():
        pytest.fail("these tests start servers of their own: apt-get install postgresql-15")
    with make_clusters() as pair:
        yield pair


@pytest.fixture
def target(clusters: tuple[Cluster, Cluster]) -> Cluster:
    """An empty database `app`, owned by a login that is no superuser, as on a managed server."""
    cluster = clusters[1]
    cluster.execute("DROP DATABASE IF EXISTS app WITH (FORCE)")
    cluster.execute("CREATE DATABASE app OWNER master")
    return cluster
