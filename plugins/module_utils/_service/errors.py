"""What can go wrong with services, each with the words a person needs to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Fault:
    """One mistake in the input: where it was written, what is wrong, how to mend it."""

    where: str
    key: str
    problem: str
    mend: str

    def __str__(self) -> str:
        key = f": {self.key}" if self.key else ""
        stop = "" if self.mend.endswith(("?", "...")) else "."
        return f"{self.where}{key}: {self.problem}. {self.mend}{stop}"


class ServiceError(Exception):
    """Base of every failure of this package that a user can act upon."""


class InvalidServicesError(ServiceError):
    """The services as written cannot be deployed; nothing has been touched."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = sorted(set(faults))
        lines = "\n".join(f"  - {fault}" for fault in self.faults)
        many = "fault" if len(self.faults) == 1 else "faults"
        super().__init__(f"{len(self.faults)} {many} in the services, nothing was touched:\n{lines}")


class KubeconfigError(ServiceError):
    """The kubeconfig cannot be used."""


class ApiError(ServiceError):
    """The Kubernetes API refused a request or could not be reached."""

    def __init__(self, status: int, message: str, what: str) -> None:
        self.status = status
        self.message = message
        super().__init__(f"{what}: {message}" + (f" (HTTP {status})" if status else ""))


class RolloutError(ServiceError):
    """Some services did not become ready; carries what was done until then."""

    def __init__(self, message: str, result: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.result = result
