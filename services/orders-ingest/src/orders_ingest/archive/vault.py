"""The keys with which what came is sealed: customers' own, and the installation's for what has no customer."""

from __future__ import annotations

from typing import Any

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import derived_key, open_bytes, seal_bytes
from common.events import Event, decode


class Vault:
    """Seals what is kept here; a place that is sealed in binds what is stored to its row."""

    def __init__(self, ring: KeyRing, master: bytes) -> None:
        self.ring = ring
        self._archive = derived_key(master, "archive")
        self._files = derived_key(master, "import-files")

    def seal_body(self, event: Event[Any], key: DataKey | None, body: bytes) -> bytes:
        """The body for the archive. Without a customer's key (none, or erased) personal fields are left out of it."""
        place = _place(event.shop, event.source, event.id)
        if key is not None:
            return seal_bytes(body, key.key, aad=place.encode())
        return self.seal(place, self.ring.seal_event(event, None).encode())

    def open_body(self, shop: str, source: str, id_: str, body: bytes) -> Event[Any]:
        """What the archive holds of an event without a customer."""
        return decode(self.open(_place(shop, source, id_), body))

    def seal(self, place: str, text: bytes) -> bytes:
        """With the installation's key: what nobody's key fits."""
        return seal_bytes(text, self._archive, aad=place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """What `seal` sealed in at that place. Raises SealBroken."""
        return open_bytes(sealed, self._archive, aad=place.encode())

    def seal_line(self, place: str, text: bytes) -> bytes:
        """A line of a file, or what was made of it; `place` names shop, job and line."""
        return seal_bytes(text, self._files, aad=place.encode())

    def open_line(self, place: str, sealed: bytes) -> bytes:
        """What `seal_line` sealed in at that place. Raises SealBroken."""
        return open_bytes(sealed, self._files, aad=place.encode())


def _place(shop: str, source: str, id_: str) -> str:
    return f"archive:{shop}:{source}:{id_}"
