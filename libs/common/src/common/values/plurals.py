"""Numbers with their noun, in English sentences."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """`1 day`, `2 days`; `many` where the plural is not the noun and an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
