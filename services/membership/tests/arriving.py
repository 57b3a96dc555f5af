"""A member as the service keeps one, fed event by event, with what must hold whenever it is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from common.events import Event
from common.fold.folding import fold_all, same
from common.fold.items import EVERYTHING
from membership.fold import KEPT, MemberFolding, MemberState, balances
from membership.ledger.legs import Balances, Posting
from membership.member import Member

from .generators import KEY
from .stories import posted


def _post(books: Balances, effects: list[Any]) -> None:
    for posting in (e.data for e in effects if isinstance(e.data, Posting)):
        assert sum(leg.amount for leg in posting.legs) == 0, "the legs of a cause sum to zero"
        places = {(leg.account, leg.earned_by) for leg in posting.legs}
        assert len(places) == len(posting.legs), "one leg per account and lot"
        for leg in posting.legs:
            books[leg.account, leg.earned_by] = books.get((leg.account, leg.earned_by), 0) + leg.amount


def _kept(event: Event[Any]) -> Event[Any]:
    """The event as the history gives it back: with the fields alone that the parts say they read."""
    row = SimpleNamespace(
        shop=event.shop, customer=event.subject, at=event.time, source=event.source, id=event.id, type=event.data.TYPE,
        fields=KEPT.dump(event), correlation=None,
    )  # fmt: skip
    return KEPT.load(row)


class Arriving:
    """A member as common.fold keeps one: a small state, items that are loaded when they are wanted, and the ledger."""

    def __init__(self, folding: MemberFolding) -> None:
        self._folding = folding
        self.seen: list[Event[Any]] = []
        self.known: datetime = datetime.min.replace(tzinfo=UTC)  # how far the state has been advanced
        self._json: str | None = None
        self._items: dict[str, bytes] = {}
        self._books = Balances()
        self._rows: Any = []

    def take(self, event: Event[Any]) -> None:
        if any(event.id == known.id for known in self.seen):
            return  # it was claimed before
        state = self._load()
        if event.time >= self.known and all(event.order_key >= known.order_key for known in self.seen):
            state = self._advance(state, event.time)
            state = self._ready(state, event)
            _post(self._books, self._folding.apply(state, event))
        else:
            horizon = max(self.known, event.time, *(known.time for known in self.seen))
            after, _, done = fold_all(self._folding, [*self.seen, _kept(event)], horizon, KEY)
            self.known = max(self.known, done or self.known)
            stored = posted(fold_all(self._folding, self.seen, self.known, KEY)[0])
            _post(self._books, self._folding.difference(state, stored, after, event.time))
            self._items, state = {}, after
        self.seen.append(_kept(event))
        self.known = max(self.known, event.time)
        self._save(state)

    def sweep(self, until: datetime) -> None:
        self._save(self._advance(self._load(), until))

    def check(self) -> None:
        """State, items and ledger are what a fold of everything makes."""
        expected, _, _ = fold_all(self._folding, self.seen, self.known, KEY)
        assert {k: v for k, v in self._books.items() if v} == balances(expected), "the ledger's sums are the balances"
        assert same(self._load(), expected)
        assert self._items == self._dumped(expected, expected.items.all())

    def _advance(self, state: Member, until: datetime) -> Member:
        while (due := self._folding.next_due(state)) is not None and due.at <= until:
            state = self._ready(state, due)
            _post(self._books, self._folding.fall_due(state, due))
            self.known = max(self.known, due.at)
        return state

    def _ready(self, state: Member, cause: Any) -> Member:
        while missing := [name for name in self._folding.wants(state, cause) if not state.items.has(name)]:
            if EVERYTHING in missing:
                return fold_all(self._folding, self.seen, self.known, KEY)[0]
            read = self._folding.items.validate_json
            found = {n: read(body) for n, body in self._items.items() if any(n.startswith(m) for m in missing)}
            state.items.load(missing, found)
        return state

    def _load(self) -> Member:
        return self._folding.empty() if self._json is None else MemberState.model_validate_json(self._json).partly()

    def _save(self, state: Member) -> None:
        self._json = state.model_dump_json(exclude_defaults=True)
        for name in state.items.changed:
            self._items.pop(name, None)
        self._items |= self._dumped(state, state.items.changed)

    def _dumped(self, state: Member, names: Iterable[str]) -> dict[str, bytes]:
        known = state.items.all()
        return {n: self._folding.items.dump_json(known[n], exclude_defaults=True) for n in names if n in known}
