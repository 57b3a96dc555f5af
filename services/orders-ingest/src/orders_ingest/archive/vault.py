"""The keys with which what came is sealed: customers' own, and the installation's for what has no customer."""

from __future__ import annotations

import hashlib

from common.crypto.keys import KeyRing

ARCHIVE, LINES = "archive", "import-files"
"""The purposes for which this seals; whatever is kept under one is a line of `orders_ingest.jobs.keys.SEALED`."""


class Vault:
    """Seals what is kept here; a place that is sealed in binds what is stored to its row."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._claims = ring.derived("claims")
        self.identifiers = ring.derived("import-identifiers")
        """The key of identifiers that are made of an e-mail."""

    def claim(self, body: bytes) -> bytes:
        """16 bytes by which the same body is recognised. Keyed, since it is published and a body may hold personal
        text: a plain hash would tell a guess from a wrong one, also after an erasure."""
        return hashlib.blake2b(body, key=self._claims, digest_size=16).digest()

    def seal(self, place: str, text: bytes) -> bytes:
        """With the installation's key: what nobody's key fits."""
        return self.ring.master.seal(ARCHIVE, text, aad=place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """What `seal` sealed in at that place. Raises SealBroken."""
        return self.ring.master.open(ARCHIVE, sealed, aad=place.encode())

    def seal_line(self, place: str, text: bytes) -> bytes:
        """A line of a file, or what was made of it; `place` names shop, job and line."""
        return self.ring.master.seal(LINES, text, aad=place.encode())

    def open_line(self, place: str, sealed: bytes) -> bytes:
        """What `seal_line` sealed in at that place. Raises SealBroken."""
        return self.ring.master.open(LINES, sealed, aad=place.encode())
