"""The keys with which what came is sealed: customers' own, and the installation's for what has no customer."""

from __future__ import annotations

from common.crypto.keys import KeyRing
from common.crypto.sealing import derived_key, open_bytes, seal_bytes


class Vault:
    """Seals what is kept here; a place that is sealed in binds what is stored to its row."""

    def __init__(self, ring: KeyRing, master: bytes) -> None:
        self.ring = ring
        self._archive = derived_key(master, "archive")
        self._files = derived_key(master, "import-files")

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
