"""The installation's master keys: the founding one, and those that came since, each with an id.

What is secret is sealed with one of them, and opened with the one that it names; so a key is replaced by first letting
every process read with the new one, and then write with it (docs/operating.md, "Another master key"). What is only
compared (hashes of API keys, of addresses, of what a shop sent) stays with the founding key: it cannot be made anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from common.crypto.sealing import (
    InvalidMasterKey,
    SealBroken,
    derived_key,
    master_key_from,
    open_bytes,
    seal_bytes,
    unwrap,
    wrap,
)

FOUNDING = ""
"""The id of the first key; nothing that it seals names it."""
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_NAMED, _OF_FOUNDING = b"key:", b"enc:v1:"


class UnknownMasterKey(SealBroken):
    """Sealed with a master key that this process was not given."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"sealed with the master key {key_id!r}, which MASTER_KEYS lacks: give it to every process")


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """`keys` by their ids, the founding one first, in the order in which they came; `current` seals from now on. Its
    `repr` shows no secret."""

    keys: Mapping[str, bytes] = field(repr=False)
    current: str = FOUNDING

    @classmethod
    def of(cls, founding: bytes) -> MasterKeys:
        """Of an installation whose key was never replaced."""
        return cls({FOUNDING: founding})

    @classmethod
    def from_settings(cls, founding: str, further: str | None, current: str | None) -> MasterKeys:
        """`further`: a line `id key` for each. Raises InvalidMasterKey, which never shows a key."""
        keys = {FOUNDING: master_key_from(founding)}
        for line in filter(None, (each.strip() for each in (further or "").splitlines())):
            key_id, _, text = line.partition(" ")
            if not _ID.fullmatch(key_id):
                raise InvalidMasterKey("MASTER_KEYS: a line is an id (a to z, 0 to 9, -), a space and a key in base64")
            if key_id in keys:
                raise InvalidMasterKey(f"MASTER_KEYS: the id {key_id} stands there twice")
            keys[key_id] = master_key_from(text)
        if len(set(keys.values())) < len(keys):
            raise InvalidMasterKey("MASTER_KEYS: one key stands there under two ids")
        if (current or FOUNDING) not in keys:
            raise InvalidMasterKey(f"MASTER_KEY_ID is {current}, which MASTER_KEYS lacks")
        return cls(keys, current or FOUNDING)

    @property
    def founding(self) -> bytes:
        return self.keys[FOUNDING]

    @property
    def replaced(self) -> list[str]:
        """Ids of the keys that seal nothing any more: those before the current one. One of a later line is yet to come;
        a process that only reads with it leaves alone what others seal with it."""
        ids = list(self.keys)
        return ids[: ids.index(self.current)]

    def wrap(self, key: bytes, shop: str, customer: str) -> str:
        """A customer's key, `<id>.<base64>`; without an id: wrapped with the founding key."""
        wrapped = wrap(self.keys[self.current], key, shop, customer)
        return f"{self.current}.{wrapped}" if self.current else wrapped

    def unwrap(self, wrapped: str, shop: str, customer: str) -> bytes:
        """The key that `wrap` wrapped. Raises SealBroken, UnknownMasterKey among it."""
        key_id, _, text = wrapped.rpartition(".")
        return unwrap(self._key(key_id), text, shop, customer)

    def rewrap(self, wrapped: str, shop: str, customer: str) -> str:
        """The same key, wrapped with the current master key."""
        return self.wrap(self.unwrap(wrapped, shop, customer), shop, customer)

    def seal(self, purpose: str, body: bytes, *, aad: bytes) -> bytes:
        """A body of the installation's own, such as a dead letter's."""
        sealed = seal_bytes(body, derived_key(self.keys[self.current], purpose), aad=aad)
        return _NAMED + self.current.encode() + b":" + sealed if self.current else sealed

    def open(self, purpose: str, sealed: bytes, *, aad: bytes) -> bytes:
        """What `seal` sealed for the same purpose and place. Raises SealBroken, UnknownMasterKey among it."""
        key_id = FOUNDING
        if sealed.startswith(_NAMED):
            named, _, sealed = sealed.removeprefix(_NAMED).partition(b":")
            key_id = named.decode("ascii", "replace")
        return open_bytes(sealed, derived_key(self._key(key_id), purpose), aad=aad)

    def reseal(self, purpose: str, sealed: bytes, *, aad: bytes) -> bytes:
        """The same body, sealed with the current key. Raises SealBroken, UnknownMasterKey among it."""
        return self.seal(purpose, self.open(purpose, sealed, aad=aad), aad=aad)

    def _key(self, key_id: str) -> bytes:
        key = self.keys.get(key_id)
        if key is None:
            raise UnknownMasterKey(key_id)
        return key


def prefix_of(key_id: str) -> str:
    """With what a customer's key begins that this master key wrapped; base64 has no dot."""
    return f"{key_id}." if key_id else ""


def head_of(key_id: str) -> bytes:
    """With what a body begins that this master key sealed."""
    return _NAMED + key_id.encode() + b":" if key_id else _OF_FOUNDING


def sealed_with(sealed: bytes) -> str:
    """The id of the master key that sealed a body; of the body its beginning is enough."""
    return (
        sealed.removeprefix(_NAMED).partition(b":")[0].decode("ascii", "replace") if sealed[:4] == _NAMED else FOUNDING
    )
