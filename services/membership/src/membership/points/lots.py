"""Lots with available points in the order in which they burn: soonest expiry first, of equals the oldest."""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush

from membership.points.state import Lot, Points

_Entry = tuple[datetime, datetime, str]


class LotOrder:
    """A heap over a member's lots, kept while the member is folded. Entries that are no longer so are dropped late."""

    def __init__(self, lots: dict[str, Lot]) -> None:
        self._lots = lots
        self._heap: list[_Entry] = [
            (lot.expires, lot.since, name) for name, lot in lots.items() if lot.available and lot.expires and lot.since
        ]
        heapify(self._heap)
        self._own: dict[str, set[str]] = {}
        for *_, name in self._heap:
            self._own.setdefault(order_of(name), set()).add(name)

    @classmethod
    def of(cls, state: Points) -> LotOrder:
        """The order that is kept beside the state; made from it where there is none yet."""
        kept: LotOrder | None = getattr(state, "memo", None)
        if kept is None:
            kept = cls(state.lots)
            state.memo = kept
        return kept

    def add(self, name: str, lot: Lot) -> None:
        """A lot has come to points that are available, or to another expiry."""
        assert lot.expires is not None
        assert lot.since is not None
        heappush(self._heap, (lot.expires, lot.since, name))
        self._own.setdefault(order_of(name), set()).add(name)

    def next_expiry(self) -> datetime | None:
        """The soonest expiry of points that are there."""
        while self._heap:
            if self._stands(self._heap[0]):
                return self._heap[0][0]
            heappop(self._heap)
        return None

    def soonest(self, points: int) -> list[tuple[str, int]]:
        """Where so many points are to be taken from, lot by lot; fewer where there are not so many."""
        taken: list[tuple[str, int]] = []
        popped: list[_Entry] = []
        while points and self._heap:
            entry = heappop(self._heap)
            if not self._stands(entry) or (popped and popped[-1] == entry):
                continue
            popped.append(entry)
            part = min(points, self._lots[entry[2]].available)
            taken.append((entry[2], part))
            points -= part
        for entry in popped:
            heappush(self._heap, entry)
        return taken

    def expired(self, at: datetime) -> list[str]:
        """Lots whose time is up."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= at:
            entry = heappop(self._heap)
            if self._stands(entry) and entry[2] not in found[-1:]:
                found.append(entry[2])
        return found

    def own(self, order_id: str) -> list[str]:
        """Lots that the order earned, with available points, soonest expiry first."""
        names = [name for name in self._own.get(order_id, ()) if name in self._lots and self._lots[name].available]
        return sorted(names, key=lambda name: (self._lots[name].expires, self._lots[name].since, name))

    def _stands(self, entry: _Entry) -> bool:
        lot = self._lots.get(entry[2])
        return lot is not None and lot.available > 0 and (lot.expires, lot.since) == entry[:2]


def order_of(lot: str) -> str:
    """The order that earned a lot; empty for points of no order."""
    return lot.partition("|")[0]
