"""Addresses in S3, signed on the controller: a host needs neither credentials nor a library for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .fetch import SUFFIX, filled

SCHEME = "s3://"
# Long enough for one run; each run signs anew.
SECONDS = 3600


def signed(urls: Sequence[str], version: str, sign: Callable[[str, str], str]) -> list[str]:
    """The list with every s3:// address signed, once for each architecture where its key depends on it."""
    found: list[str] = []
    for url in urls:
        if not url.startswith(SCHEME):
            found.append(url)
            continue
        bucket, _, key = url.removeprefix(SCHEME).partition("/")
        keys = {arch: filled(key, version, arch) for arch in SUFFIX}
        same = len(set(keys.values())) == 1
        # The signature covers the key, so a host can no longer fill it in: it takes the one of its architecture.
        found += [
            sign(bucket, key) + ("" if same else f"#{arch}") for arch, key in list(keys.items())[: 1 if same else None]
        ]
    return found
