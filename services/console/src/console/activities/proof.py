"""The proof of a draw: the seed is the one that was fixed beforehand, and prizes go up with the numbers; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any


def digest(text: str) -> str:
    """SHA-256 as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def number_of(seed: str, customer: str) -> str:
    """What is compared in the draw: the lowest ones win."""
    return digest(f"{seed}/{customer}")


def holds(seed: str, seed_hash: str, entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the seed has the hash that was shown before the draw, and who won earlier has the lower number."""
    won = sorted((each["prize"], number_of(seed, each["customer"])) for each in entries if each["prize"] is not None)
    numbers = [number for _, number in won]
    return digest(seed) == seed_hash and numbers == sorted(numbers)
