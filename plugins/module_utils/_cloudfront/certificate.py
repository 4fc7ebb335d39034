"""Whether a certificate can serve a distribution: its region, its status and the names on it."""

from __future__ import annotations

from typing import Any

from .errors import CloudFrontErrorHandler as Handler

REGION = "us-east-1"  # the only region whose certificates CloudFront takes
ISSUED = "ISSUED"


def region_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 and parts[2] == "acm" else ""


def region_faults(arn: str) -> list[str]:
    if region_of(arn) == REGION:
        return []
    return [
        f"certificate {arn} is not one of ACM in {REGION}, and CloudFront takes no other."
        f" Mend: request or import it in {REGION}"
    ]


def faults(arn: str, raw: dict[str, Any] | None, aliases: list[str]) -> list[str]:
    """What ACM says of it, against what the distribution needs."""
    if raw is None:
        return [f"certificate {arn} does not exist in {REGION}. Mend: correct the ARN, or request it there"]
    found = []
    if raw.get("Status") != ISSUED:
        found.append(
            f"certificate {arn} is {raw.get('Status')}, not {ISSUED}. Mend: prove the domain to ACM (its DNS record), then run again"
        )
    names = [raw.get("DomainName", ""), *raw.get("SubjectAlternativeNames", [])]
    bare = [alias for alias in aliases if not any(covers(name, alias) for name in names)]
    if bare:
        found.append(
            f"certificate {arn} is for {', '.join(dict.fromkeys(filter(None, names)))} and not for {', '.join(bare)}."
            " Mend: request one with these names"
        )
    return found


def covers(name: str, alias: str) -> bool:
    name, alias = name.lower(), alias.lower()
    if name.startswith("*."):
        return alias.partition(".")[2] == name[2:]
    return name == alias


class Certificates:
    """ACM in us-east-1, by a client of AnsibleAWSModule."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @Handler.list_error_handler("describe certificate", None)  # type: ignore[untyped-decorator]
    def describe(self, arn: str) -> dict[str, Any] | None:
        return dict(self._client.describe_certificate(CertificateArn=arn)["Certificate"])
