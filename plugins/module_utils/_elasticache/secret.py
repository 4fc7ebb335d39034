"""Which version of a secret is the current one, without reading the secret."""

from __future__ import annotations

from typing import Any

from .errors import ElastiCacheErrorHandler as Handler

CURRENT = "AWSCURRENT"


@Handler.list_error_handler("describe the secret of the auth token", None)  # type: ignore[untyped-decorator]
def current_version(client: Any, name: str) -> str | None:
    """None when there is no such secret, or when it has no value yet."""
    answer = client.describe_secret(SecretId=name, aws_retry=True)
    if answer.get("DeletedDate"):
        return None
    versions: dict[str, list[str]] = answer.get("VersionIdsToStages", {})
    return next((version for version, stages in versions.items() if CURRENT in stages), None)
