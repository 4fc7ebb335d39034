"""Descriptions of AWS's services are read once, and sessions are as apart as before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os
os.environ.update(AWS_ACCESS_KEY_ID="of the user", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="eu-west-1")
import boto3, botocore.loaders
from ansible_collections.tiketi.platform.plugins.plugin_utils import aws_models

read = []
real = botocore.loaders.JSONFileLoader.load_file
botocore.loaders.JSONFileLoader.load_file = lambda self, path: read.append(path) or real(self, path)
aws_models.share()
aws_models.share()
assert any("ec2" in path for path in read), read
read.clear()
first, other = boto3.session.Session(), boto3.session.Session(region_name="ap-northeast-2")
seen = []
first.client("ec2").meta.events.register("*", lambda **_: seen.append(1))
clients = [session.client(service) for session in (first, other) for service in aws_models.SERVICES]
assert read == [], read
assert {client.meta.region_name for client in clients} >= {"eu-west-1", "ap-northeast-2"}
assert {client._request_signer._credentials.access_key for client in clients} == {"of the user"}
assert clients[0].meta.service_model is not clients[len(aws_models.SERVICES)].meta.service_model
other.client("sts").generate_presigned_url("get_caller_identity")
assert seen == []
os.environ["AWS_PROFILE"] = "not there"
aws_models.share.cache_clear()
aws_models.share()
"""


def test_the_run_reads_what_boto3_knows_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=Path(), env={"PYTHONPATH": "collections", "HOME": "/nonexistent"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
