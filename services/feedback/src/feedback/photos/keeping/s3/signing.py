"""Signatures of requests to an S3 store: AWS Signature Version 4, in headers; pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote


class Credentials(NamedTuple):
    """Who asks, and in which region the bucket lies."""

    access_key: str
    secret_key: str
    region: str


def sign(
    who: Credentials,
    method: str,
    host: str,
    path: str,
    body: bytes,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a request without a query, `authorization` among them. `path` is not quoted yet; `at` in UTC."""
    day, instant = at.strftime("%Y%m%d"), at.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        **{name.lower(): value.strip() for name, value in (more or {}).items()},
        "host": host,
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": instant,
    }
    signed = ";".join(sorted(headers))
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/-_.~"),
            "",
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            signed,
            headers["x-amz-content-sha256"],
        )
    )
    scope = f"{day}/{who.region}/s3/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", instant, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{who.secret_key}".encode()
    for part in (day, who.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    signature = hmac.digest(key, to_sign.encode(), hashlib.sha256).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={who.access_key}/{scope},SignedHeaders={signed},Signature={signature}"
    )
    return headers
