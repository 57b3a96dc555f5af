"""The three requests to an S3 store that photos need: put, get, delete of an object, by its path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpx
import structlog

from feedback.photos.keeping.s3.signing import Credentials, sign
from feedback.photos.rules import PhotoStoreAway

log = structlog.get_logger()
TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class S3Keeper:
    """Objects of one bucket. The signature bears the wall clock's time, which the store compares with its own."""

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        who: Credentials,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._endpoint, self._bucket, self._who = endpoint.rstrip("/"), bucket, who
        self._host = urlsplit(endpoint).netloc
        self._transport, self._now = transport, now

    async def put(self, name: str, body: bytes) -> None:
        await self._ask("PUT", name, body, (200, 201, 204))

    async def get(self, name: str) -> bytes | None:
        answer = await self._ask("GET", name, b"", (200, 404))
        return answer.content if answer.status_code == 200 else None

    async def remove(self, name: str) -> None:
        await self._ask("DELETE", name, b"", (200, 204, 404))

    async def _ask(self, method: str, name: str, body: bytes, fine: tuple[int, ...]) -> httpx.Response:
        path = f"/{self._bucket}/{name}"
        headers = sign(self._who, method, self._host, path, body, self._now())
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, transport=self._transport) as client:
                answer = await client.request(
                    method, f"{self._endpoint}{quote(path, safe='/-_.~')}", content=body or None, headers=headers
                )
        except httpx.HTTPError as error:
            log.warning("photo_store_away", method=method, error=type(error).__name__)
            raise PhotoStoreAway from None
        # A bucket that there is not is answered 404 as well: its photos are neither unknown nor removed.
        no_bucket = answer.status_code == 404 and b"NoSuchBucket" in answer.content
        if answer.status_code not in fine or no_bucket:
            log.warning("photo_store_refused", method=method, status=answer.status_code)
            raise PhotoStoreAway
        return answer
