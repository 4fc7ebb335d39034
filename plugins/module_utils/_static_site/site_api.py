"""The calls to S3 about the objects of a site."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .errors import SiteErrorHandler as Handler
from .files import RESERVED, LocalFile
from .plan import Remote

THREADS = 8
DIGEST = "sha256"
PENDING = f"{RESERVED}pending-invalidation.json"
RETIRED_FILE = f"{RESERVED}retired.json"
KEYS_PER_CALL = 1000


class Objects:
    """One bucket's objects."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self) -> tuple[dict[str, Remote], bool] | None:
        """All objects, and whether an invalidation is pending; None when there is no such bucket."""
        keys: list[str] | None = self._keys()
        if keys is None:
            return None
        own = [key for key in keys if not key.startswith(RESERVED)]
        with ThreadPoolExecutor(THREADS) as pool:
            found = dict(zip(own, pool.map(self._head, own), strict=True))
        return {key: remote for key, remote in found.items() if remote is not None}, PENDING in keys

    def upload(self, files: Sequence[LocalFile]) -> None:
        """Side by side; returns when all are there."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._put, files))

    @Handler.common_error_handler("remove objects")  # type: ignore[untyped-decorator]
    def remove(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), KEYS_PER_CALL):
            rows = [{"Key": key} for key in keys[start : start + KEYS_PER_CALL]]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": rows, "Quiet": True})
            Handler.refuse_rest(self._bucket, answer.get("Errors") or [])

    @Handler.list_error_handler("read pending invalidation", [])  # type: ignore[untyped-decorator]
    def pending(self) -> list[str]:
        body = self._client.get_object(Bucket=self._bucket, Key=PENDING)["Body"].read()
        return [str(key) for key in json.loads(body)["keys"]]

    @Handler.common_error_handler("remember pending invalidation")  # type: ignore[untyped-decorator]
    def remember(self, keys: Sequence[str]) -> None:
        body = json.dumps({"keys": sorted(keys)}).encode()
        self._client.put_object(Bucket=self._bucket, Key=PENDING, Body=body, ContentType="application/json")

    @Handler.common_error_handler("forget pending invalidation")  # type: ignore[untyped-decorator]
    def forget(self) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=PENDING)

    @Handler.list_error_handler("read what was retired", {})  # type: ignore[untyped-decorator]
    def retired(self) -> dict[str, float]:
        """Objects that are kept for pages that are open, and since when nothing else names them."""
        body = self._client.get_object(Bucket=self._bucket, Key=RETIRED_FILE)["Body"].read()
        return {str(key): float(since) for key, since in json.loads(body).items()}

    @Handler.common_error_handler("write down what was retired")  # type: ignore[untyped-decorator]
    def retire(self, held: Mapping[str, float]) -> None:
        if held:
            body = json.dumps(dict(held), sort_keys=True).encode()
            self._client.put_object(Bucket=self._bucket, Key=RETIRED_FILE, Body=body, ContentType="application/json")
        else:
            self._client.delete_object(Bucket=self._bucket, Key=RETIRED_FILE)

    @Handler.list_error_handler("list objects", None)  # type: ignore[untyped-decorator]
    def _keys(self) -> list[str] | None:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        return [row["Key"] for page in pages for row in page.get("Contents", [])]

    @Handler.list_error_handler("look at object", None)  # type: ignore[untyped-decorator]
    def _head(self, key: str) -> Remote | None:
        raw = self._client.head_object(Bucket=self._bucket, Key=key)
        return Remote(
            size=raw["ContentLength"],
            sha256=raw.get("Metadata", {}).get(DIGEST, ""),
            content_type=raw.get("ContentType", ""),
            cache_control=raw.get("CacheControl", ""),
        )

    @Handler.common_error_handler("upload object")  # type: ignore[untyped-decorator]
    def _put(self, file: LocalFile) -> None:
        extra = {"CacheControl": file.cache_control} if file.cache_control else {}
        with file.path.open("rb") as body:
            self._client.put_object(
                Bucket=self._bucket,
                Key=file.key,
                Body=body,
                ContentType=file.content_type,
                Metadata={DIGEST: file.sha256},
                **extra,
            )
