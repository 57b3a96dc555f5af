"""What a keeper of photos does; two are shipped: disk and S3."""

from __future__ import annotations

from typing import Protocol


class Keeper(Protocol):
    """Keeps bytes by name, `<shop>/<64 hex digits>`. Each raises PhotoStoreAway where the store does not answer."""

    async def put(self, name: str, body: bytes) -> None:
        """Durable once it returns; the same name has the same bytes, so that a repetition is harmless."""

    async def get(self, name: str) -> bytes | None:
        """None where there is none of that name."""

    async def remove(self, name: str) -> None:
        """Also where there is none."""
