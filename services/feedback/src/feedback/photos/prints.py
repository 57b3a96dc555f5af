"""Fingerprints of photos compared: two photos are the same where at most 7 of 64 bits differ; pure (SEC-013)."""

from __future__ import annotations

from collections.abc import Iterator

NEAR = 7
BANDS, WIDTH = 4, 16


def distance(one: int, other: int) -> int:
    """How many bits differ."""
    return (one ^ other).bit_count()


def bands(fingerprint: int) -> list[tuple[int, int]]:
    """The fingerprint in four parts, each with its number: by which it is found."""
    mask = (1 << WIDTH) - 1
    return [(band, fingerprint >> (WIDTH * band) & mask) for band in range(BANDS)]


def probes(fingerprint: int) -> Iterator[tuple[int, int]]:
    """The parts of which every fingerprint within `NEAR` has at least one: of seven bits that differ, some part has at
    most one."""
    for band, value in bands(fingerprint):
        yield band, value
        for bit in range(WIDTH):
            yield band, value ^ (1 << bit)
