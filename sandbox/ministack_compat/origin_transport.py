"""Gap: what CloudFront asks of a bucket counts as plain HTTP, so a policy that refuses plain HTTP shuts the site out.

AWS asks S3 by TLS wherever the viewer came by TLS, and the distributions of the collection send all viewers there.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import s3


def apply() -> None:
    plain = s3.serve_cloudfront_origin_fetch

    def fetch(*arguments: Any, **options: Any) -> Any:
        address, _ = iam_evaluator._request_origin.get()
        token = iam_evaluator._request_origin.set((address, True))
        try:
            return plain(*arguments, **options)
        finally:
            iam_evaluator._request_origin.reset(token)

    s3.serve_cloudfront_origin_fetch = fetch
