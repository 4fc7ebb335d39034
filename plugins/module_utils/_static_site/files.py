"""The files of a built front end: what each is, and how long it may be kept by caches."""

from __future__ import annotations

import fnmatch
import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import FaultyWishError

DEFAULT_TYPE = "application/octet-stream"
# What Python's own list lacks or has otherwise; the system's list is not asked, so that every controller says the same.
TYPES = {
    ".avif": "image/avif",
    ".cjs": "text/javascript",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".otf": "font/otf",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
TEXT = re.compile(r"text/|application/(json|xml|manifest\+json)$|image/svg\+xml$")
RESERVED = ".static-site/"  # where the module keeps what it must remember


@dataclass(frozen=True)
class CacheRule:
    """The files whose key the pattern finds are served with that Cache-Control; the first rule that fits wins."""

    pattern: re.Pattern[str]
    cache_control: str


@dataclass(frozen=True)
class LocalFile:
    key: str
    path: Path
    size: int
    sha256: str
    content_type: str
    cache_control: str


def rules_from(rows: list[dict[str, str]]) -> list[CacheRule]:
    rules, wrong = [], []
    for row in rows:
        try:
            rules.append(CacheRule(re.compile(row["pattern"]), row["cache_control"]))
        except re.error as error:
            wrong.append(f"cache rule {row['pattern']!r} is no regular expression ({error}). Mend: correct the pattern")
    if wrong:
        raise FaultyWishError(wrong)
    return rules


def content_type(key: str, extra: dict[str, str]) -> str:
    suffix = Path(key).suffix.lower()
    if suffix in extra:
        return extra[suffix]
    kind = TYPES.get(suffix) or mimetypes.MimeTypes().guess_type(f"x{suffix}")[0] or DEFAULT_TYPE
    return f"{kind}; charset=utf-8" if TEXT.match(kind) else kind


def cache_control(key: str, rules: list[CacheRule]) -> str:
    return next((rule.cache_control for rule in rules if rule.pattern.search(key)), "")


def scan(
    source: Path, rules: list[CacheRule], types: dict[str, str], exclude: list[str], entry: str
) -> list[LocalFile]:
    """All files below the folder, by key. Raises with every fault at once."""
    if not source.is_dir():
        raise FaultyWishError([f"{source} is no folder. Mend: build the front end first, or correct the path"])
    root, found, wrong = source.resolve(), [], []
    for path in _walk(root):
        key = path.relative_to(root).as_posix()
        if any(fnmatch.fnmatch(key, pattern) for pattern in exclude):
            continue
        if not path.resolve().is_relative_to(root):
            wrong.append(f"{path} is a link that leads out of {source}. Mend: put the file itself there, or exclude it")
        elif key.startswith(RESERVED):
            wrong.append(f"{path}: the folder {RESERVED} of the bucket is used by the module. Mend: exclude it")
        else:
            found.append(_local_file(path, key, rules, types))
    if entry and not wrong and entry not in {file.key for file in found}:
        wrong.append(
            f"{source} holds {len(found)} files and no {entry}: the site would be gone. Mend: build the front end first"
        )
    if wrong:
        raise FaultyWishError(wrong)
    return found


def _walk(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def _local_file(path: Path, key: str, rules: list[CacheRule], types: dict[str, str]) -> LocalFile:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return LocalFile(key, path, path.stat().st_size, digest, content_type(key, types), cache_control(key, rules))
