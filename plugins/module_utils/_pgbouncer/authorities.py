"""The certificate authorities that PgBouncer verifies its servers with. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str) -> list[str]:
    """Each once, in order; what stands between them is no matter."""
    return list(dict.fromkeys(CERTIFICATE.findall(text.replace("\r\n", "\n"))))


def bundle(declared: Sequence[str], current: str, kept: bool) -> list[str]:
    """`kept`: a database is on another server than the declared one, whose authority may be one that only the file still has."""
    wanted = certificates("\n".join(declared))
    return wanted + [one for one in certificates(current) if kept and one not in wanted]


def render(found: Sequence[str]) -> str:
    return "".join(f"{one}\n" for one in found)
