"""Stops a consumer when its handler fails at too many events of one type in a row."""

from __future__ import annotations

from collections.abc import Iterable

FUSE = 100
RAW = "intake"
"""What raw handlers read, of whatever type, counts together."""


class FuseBlown(Exception):
    """Too many events in a row failed: a bad deploy must not empty a topic into the dead letters."""


class Fuse:
    """Counts our own handler's failures per type of event; a success counts for its own type alone.

    What cannot be read, or was refused, is its sender's doing and touches nothing here: bad data of one caller must
    not stop the service for all.
    """

    def __init__(self, limit: int = FUSE) -> None:
        self._limit = limit
        self._in_a_row: dict[str, int] = {}

    def check(self, failed: Iterable[str]) -> None:
        """Before failed events of these types are given up. Raises FuseBlown where one makes too many in a row."""
        for kind, more in _count(failed).items():
            total = self._in_a_row.get(kind, 0) + more
            if total > self._limit:
                raise FuseBlown(f"{total} events {kind} in a row failed: mend the service, then restart it")

    def count(self, failed: Iterable[str], counted: Iterable[str]) -> None:
        """After the commit."""
        for kind, more in _count(failed).items():
            self._in_a_row[kind] = self._in_a_row.get(kind, 0) + more
        for kind in set(counted):
            self._in_a_row.pop(kind, None)


def _count(kinds: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in kinds:
        found[kind] = found.get(kind, 0) + 1
    return found
