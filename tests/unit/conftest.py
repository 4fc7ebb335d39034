"""Settings of moto for all unit tests, before anything imports it."""

from __future__ import annotations

import os
from pathlib import Path

# Else each fresh EC2 makes hundreds of images of its own, and a call that lists them takes a second.
os.environ.setdefault("MOTO_AMIS_PATH", str(Path(__file__).parent / "amis.json"))
