"""Settings of moto for all unit tests, before anything imports it."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import botocore.session

# Else each fresh EC2 makes hundreds of images of its own, and a call that lists them takes a second.
os.environ.setdefault("MOTO_AMIS_PATH", str(Path(__file__).parent / "amis.json"))

# Each module makes a session of its own, which reads and parses what boto3 knows of a service: 0.2 s for EC2. One reader does for all, as
# in a run (plugin_utils/aws_models.py).
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
