"""A customer as common.fold keeps one: a small state, and items that are loaded when an input wants them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from common.events import Event
from common.fold.folding import Due, Effect, fold_all, same
from common.fold.items import EVERYTHING
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding

from .histories import KEY


class Arriving:
    """Takes inputs as they arrive, each once, stores after each, and gathers what would be announced in `effects`."""

    def __init__(self, folding: SegmentFolding) -> None:
        self._folding = folding
        self.seen: list[Event[Any]] = []
        self.known: datetime = datetime.min.replace(tzinfo=UTC)  # how far the state has been advanced
        self.effects: list[Effect] = []
        self.anew = 0
        """How often an input that came in order had the customer folded from the start."""
        self._json: str | None = None
        self._items: dict[str, bytes] = {}

    def take(self, event: Event[Any]) -> None:
        if any(event.id == known.id for known in self.seen):
            return  # it was claimed before
        state = self.state()
        if event.time >= self.known and all(event.order_key >= known.order_key for known in self.seen):
            self._advance(state, event.time)
            state = self._ready(state, event)
            self.effects += self._folding.apply(state, event)
        else:
            horizon = max(self.known, event.time, *(known.time for known in self.seen))
            after, _, done = fold_all(self._folding, [*self.seen, event], horizon, KEY)
            self.effects += self._folding.difference(state, None, after, event.time)
            self.known = max(self.known, done or self.known)
            self._items, state = {}, after
        self.seen.append(event)
        self.known = max(self.known, event.time)
        self._save(state)

    def sweep(self, until: datetime) -> None:
        state = self.state()
        self._advance(state, until)
        self._save(state)

    def check(self) -> None:
        """State and items are what a fold of everything makes."""
        expected, _, _ = fold_all(self._folding, self.seen, self.known, KEY)
        assert same(self.state(), expected)
        assert self._items == self._dumped(expected, expected.items.all())

    def state(self) -> CustomerState:
        """As just read, of which no item is loaded."""
        if self._json is None:
            return self._folding.empty()
        return CustomerState.model_validate_json(self._json).partly()

    def _advance(self, state: CustomerState, until: datetime) -> None:
        while (due := self._folding.next_due(state)) is not None and due.at <= until:
            self.effects += self._folding.fall_due(state, due)
            self.known = max(self.known, due.at)

    def _ready(self, state: CustomerState, cause: Event[Any] | Due) -> CustomerState:
        while missing := [name for name in self._folding.wants(state, cause) if not state.items.has(name)]:
            if EVERYTHING in missing:
                self.anew += 1
                return fold_all(self._folding, self.seen, self.known, KEY)[0]
            read = self._folding.items.validate_json
            state.items.load(missing, {name: read(self._items[name]) for name in missing if name in self._items})
        return state

    def _save(self, state: CustomerState) -> None:
        self._json = state.model_dump_json(exclude_defaults=True)
        for name in state.items.changed:
            self._items.pop(name, None)
        self._items |= self._dumped(state, state.items.changed)

    def _dumped(self, state: CustomerState, names: Iterable[str]) -> dict[str, bytes]:
        known = state.items.all()
        return {n: self._folding.items.dump_json(known[n], exclude_defaults=True) for n in names if n in known}
