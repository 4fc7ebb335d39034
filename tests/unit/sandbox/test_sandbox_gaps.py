"""Runs ministack_compat/ where MiniStack is installed: in its image, against the checkout."""

from __future__ import annotations

import pytest

from sandbox import engine, images
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
