"""Runs ministack_compat/ where MiniStack is installed: in its image, against the checkout."""

from __future__ import annotations

import subprocess

import pytest

from sandbox import bridge, engine, images
from sandbox.settings import REPOSITORY, Paths

TESTS = "tests/unit/sandbox/ministack_compat"


@pytest.mark.sandbox
def test_every_wrapper_is_needed_and_closes_its_gap() -> None:
    found = engine.find(Paths())
    if found is None or not images.current_digest(found, images.MINISTACK.reference):
        pytest.skip("the image of the sandbox is not there: python -m sandbox up")
    done = found.run(
        "run", "--rm", "--network", "none", "--volume", f"{REPOSITORY}:/repo:ro", "--workdir", "/repo",
        "--env", "PYTHONPATH=/repo", "--security-opt", "label=disable", "--entrypoint", "python",
        images.MINISTACK.reference, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
        "--rootdir", TESTS, TESTS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.sandbox
def test_a_container_that_comes_does_not_change_the_address_of_the_bridge() -> None:
    found = engine.find(Paths())
    name = bridge.interface(found) if found else ""
    if found is None or not name or not (bridge.SYSFS / name).exists():
        pytest.skip("no bridge of ours to see")
    before = (bridge.SYSFS / name / "address").read_text()
    # A port with a lower address is what would change it.
    port = "sandbox-port"
    try:
        subprocess.run(["ip", "link", "add", port, "address", "02:00:00:00:00:01", "type", "veth"], check=True)
        subprocess.run(["ip", "link", "set", port, "master", name, "up"], check=True)
        assert (bridge.SYSFS / name / "address").read_text() == before
    finally:
        subprocess.run(["ip", "link", "delete", port], check=False)
