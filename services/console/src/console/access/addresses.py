"""A person's own e-mail address, sealed with a key derived from the master key and bound to the person."""

from __future__ import annotations

import re

from common.crypto.sealing import SealBroken, open_bytes, seal_bytes

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def is_address(text: str) -> bool:
    """Whether mail can be sent there as far as its form tells: one address, without a name, a space or a line's end."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def sealed_address(master: bytes, person_id: int, address: str) -> bytes:
    return seal_bytes(address.encode(), master, aad=_bound(person_id))


def opened_address(master: bytes, person_id: int, sealed: bytes | None) -> str | None:
    """None where there is none, or none that this key opens."""
    if sealed is None:
        return None
    try:
        return open_bytes(bytes(sealed), master, aad=_bound(person_id)).decode()
    except SealBroken:
        return None


def _bound(person_id: int) -> bytes:
    return f"mail/{person_id}".encode()
