"""Calls that are made again where AWS asks for patience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

F = TypeVar("F", bound=Callable[..., Any])


def patient(call: F) -> F:
    """Make the call again when AWS refuses it for its rate; such a call has done nothing."""
    return cast(F, AWSRetry.jittered_backoff(retries=8, delay=1, max_delay=10)(call))
