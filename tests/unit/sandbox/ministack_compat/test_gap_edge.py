from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

Emulator = Callable[..., Any]


def test_cloudfront_asks_a_bucket_by_tls_only_with_the_gap_closed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = emulator("s3")
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    seen: list[bool] = []
    monkeypatch.setattr(s3, "_ensure_bucket", lambda _name: {"objects": {}})
    monkeypatch.setattr(
        s3, "_cloudfront_origin_allows", lambda *_arguments: seen.append(evaluator._request_origin.get()[1])
    )
    evaluator.pin_request_origin("10.0.0.9", False)
    s3.serve_cloudfront_origin_fetch("b", "index.html", "GET", {})
    assert seen == [False], "MiniStack asks by TLS now: delete origin_transport.py"
    importlib.import_module("sandbox.ministack_compat.origin_transport").apply()
    s3.serve_cloudfront_origin_fetch("b", "index.html", "GET", {})
    assert seen == [False, True]
    assert evaluator._request_origin.get() == ("10.0.0.9", False)
