"""Keyed hashes of days of the year: who has a birthday today is found, and no birthday is read from a row."""

from __future__ import annotations

import hmac
from datetime import date

import orjson

from common.crypto.keys import CustomerKeyRow, KeyRing
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.events import CustomerKey

PURPOSE = "messaging-dates"


class DayHashing:
    """Opens birthdays with the customers' keys, and hashes days of the year."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._key = keys.derived(PURPOSE)

    def hashed(self, shop: str, kind: str, day: str) -> bytes:
        """Of a day of the year, MM-DD: the first 8 bytes of HMAC-SHA-256 over shop, kind and day."""
        return hmac.digest(self._key, orjson.dumps([shop, kind, day]), "sha256")[:8]

    def of_date(self, shop: str, kind: str, day: date) -> bytes:
        """The same of a date."""
        return self.hashed(shop, kind, f"{day:%m-%d}")

    def birthday(self, key: CustomerKey, text: str, stored: CustomerKeyRow | None) -> bytes | None:
        """The hash of a birthday as the profile has it; None where its key has not come, or it is no date."""
        if is_sealed(text):
            if stored is None or stored.erased_at is not None:
                return None
            try:
                opened = self._keys.unwrapped(key, stored)
                text = open_sealed(text, opened.key, *key, "birthday") if opened is not None else ""
            except SealBroken:
                return None
        try:
            return self.of_date(key[0], "birthday", date.fromisoformat(text))
        except ValueError:
            return None
