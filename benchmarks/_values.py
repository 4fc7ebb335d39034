"""What the sandbox handed to the playbooks, and what the role would take where it handed nothing."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox import k3s
from tests.e2e.support import SANDBOX


def handed_over() -> dict[str, Any]:
    """Where the K3s release itself is used, vars.yml says nothing of K3s."""
    handed = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))
    return {**k3s.pinned(), **handed}
