"""Lots with available points in the order in which they burn: soonest expiry first, of equals the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush

from membership.member import Member
from membership.points.state import LOT, Lot, Points

_Entry = tuple[datetime, datetime, str]


@dataclass(slots=True)
class _Kept:
    """What is kept of the order beside a member's state; without the member, whom nothing would free otherwise until
    the collector of circles comes."""

    heap: list[_Entry] | None = None
    own: dict[str, set[str]] = field(default_factory=dict)


class LotOrder:
    """A heap over a member's lots, kept while the member is folded. Entries that are no longer so are dropped late.

    It is made when it is first asked for, which wants all lots; until then lots only come, and what is kept of them is
    the soonest expiry.
    """

    __slots__ = ("_kept", "_member")

    def __init__(self, member: Member, kept: _Kept) -> None:
        self._member, self._kept = member, kept

    @classmethod
    def of(cls, member: Member) -> LotOrder:
        """By what is kept beside the state."""
        points = Points.of(member)
        kept: _Kept | None = getattr(points, "memo", None)
        if kept is None:
            kept = points.memo = _Kept()
        return cls(member, kept)

    def add(self, name: str, lot: Lot) -> None:
        """A lot has come to points, or to another expiry; when what of them paid a debt is gone again."""
        if not lot.available:
            return
        assert lot.expires is not None
        assert lot.since is not None
        points = Points.of(self._member)
        points.next_expiry = lot.expires if points.next_expiry is None else min(points.next_expiry, lot.expires)
        if self._kept.heap is not None:
            heappush(self._kept.heap, (lot.expires, lot.since, name))
            self._kept.own.setdefault(order_of(name), set()).add(name)

    def look_again(self) -> None:
        """Points have been taken out of lots: another may be the next to expire."""
        heap = self._made()
        while heap and not self._stands(heap[0]):
            heappop(heap)
        Points.of(self._member).next_expiry = heap[0][0] if heap else None

    def soonest(self, points: int) -> list[tuple[str, int]]:
        """Where so many points are to be taken from, lot by lot; fewer where there are not so many."""
        heap, taken, popped = self._made(), list[tuple[str, int]](), list[_Entry]()
        while points and heap:
            entry = heappop(heap)
            if not self._stands(entry) or (popped and popped[-1] == entry):
                continue
            popped.append(entry)
            part = min(points, self._lot(entry[2]).available)
            taken.append((entry[2], part))
            points -= part
        for entry in popped:
            heappush(heap, entry)
        return taken

    def expired(self, at: datetime) -> list[str]:
        """Lots whose time is up."""
        heap, found = self._made(), list[str]()
        while heap and heap[0][0] <= at:
            entry = heappop(heap)
            if self._stands(entry) and entry[2] not in found[-1:]:
                found.append(entry[2])
        return found

    def expiring(self, at: datetime | None) -> int:
        """Points that expire at that instant."""
        names = {name for expires, _, name in self._made() if expires == at}
        lots = (LOT.get(self._member, name) for name in names)
        return sum(lot.available for lot in lots if lot is not None and lot.expires == at)

    def own(self, order_id: str) -> list[str]:
        """Lots that the order earned, with available points, soonest expiry first."""
        self._made()
        lots = [(lot.expires, lot.since, name) for name, lot in self._of_order(order_id) if lot.available]
        return [name for *_, name in sorted(lots)]

    def _of_order(self, order_id: str) -> Iterator[tuple[str, Lot]]:
        for name in self._kept.own.get(order_id, ()):
            lot = LOT.get(self._member, name)
            if lot is not None:
                yield name, lot

    def _made(self) -> list[_Entry]:
        if self._kept.heap is None:
            self._kept.heap = [
                (lot.expires, lot.since, name)
                for name, lot in LOT.all(self._member)
                if lot.available and lot.expires and lot.since
            ]
            heapify(self._kept.heap)
            for *_, name in self._kept.heap:
                self._kept.own.setdefault(order_of(name), set()).add(name)
        return self._kept.heap

    def _lot(self, name: str) -> Lot:
        lot = LOT.get(self._member, name)
        assert lot is not None
        return lot

    def _stands(self, entry: _Entry) -> bool:
        lot = LOT.get(self._member, entry[2])
        return lot is not None and lot.available > 0 and (lot.expires, lot.since) == entry[:2]


def order_of(lot: str) -> str:
    """The order that earned a lot; empty for points of no order."""
    return lot.partition("|")[0]
