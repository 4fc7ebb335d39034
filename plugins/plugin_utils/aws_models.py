# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What boto3 knows of AWS's services, read once for a run instead of once for a task.

A session of boto3 reads and parses the description of a service when it makes a client of it: of EC2 that takes 0.2 s, ten times as
long as all the rest. A run makes dozens of sessions, each in a fork of its own.
"""

from __future__ import annotations

import contextlib
import functools

SERVICES = ("ec2", "iam", "sts", "secretsmanager", "rds", "elasticache", "s3", "cloudfront", "ecr")


@functools.cache
def share() -> None:
    """Have every session of this process, and of those forked from it, use one reader of descriptions, which has read SERVICES.

    botocore reads them lazily and changes none that is read, for the clients of one session share them as well. Nothing is asked of
    AWS, and where boto3 is absent or made otherwise, nothing happens but what happened before.
    """
    with contextlib.suppress(Exception):
        import boto3.session  # noqa: PLC0415 - its absence is the module's to say
        import botocore.session  # noqa: PLC0415

        botocore.session.create_loader = functools.cache(botocore.session.create_loader)
        nobody = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
        session = boto3.session.Session(region_name="us-east-1", **nobody)
        for service in SERVICES:
            session.client(service)
