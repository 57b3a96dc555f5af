"""Shares and means of new customers by source; whole numbers (ANA-008, ANA-009); pure."""

from __future__ import annotations


def per_mille(part: int, whole: int) -> int:
    """Rounded half up; 0 of nothing."""
    return (2_000 * part + whole) // (2 * whole) if whole else 0


def hundredths(total: int, count: int) -> int | None:
    """The mean times 100, rounded half up; None of nothing."""
    return (200 * total + count) // (2 * count) if count else None
