"""Subscriptions: which handler takes which events, and the batch that it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.bus.broker import Record
from common.bus.dead import DeadRecord
from common.events import CustomerKey, Event, EventData
from common.events.kept import Kept
from common.storage.database import Transaction


@dataclass(slots=True)
class Batch:
    """The new events of one poll that a handler subscribed to, in log order within a partition."""

    events: list[Event[Any]]

    def by_customer(self) -> dict[CustomerKey, list[Event[Any]]]:
        found: dict[CustomerKey, list[Event[Any]]] = {}
        for event in self.events:
            if event.subject is not None:
                found.setdefault(event.customer, []).append(event)
        return found


Handler = Callable[[Transaction, Batch], Awaitable[None]]


@dataclass(slots=True)
class RawTaken:
    """What a raw handler made of records: how many counted for the first time, and those that are dead."""

    fresh: int = 0
    dead: list[DeadRecord] = field(default_factory=list)


RawHandler = Callable[[Transaction, list[Record]], Awaitable[RawTaken]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which handler takes which events. `kept`: they are folded, and claimed in the history of their customer.

    `ahead`: versions of the service's own, on its topic, that its folds read: a process reads them up to the end of the
    log before it reads anything else, so that a rebuild folds by them as the service did that announced them. The
    handler is idempotent.
    """

    handler: Handler
    types: tuple[type[EventData], ...]
    kept: Kept | None = None
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class RawSubscription:
    """A handler that reads records itself (shops' intake topics)."""

    handler: RawHandler
    topics: tuple[str, ...]


class Handlers:
    """The handlers of some subscriptions, each with what it takes."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self._subscriptions = subscriptions
        self._taking: dict[type[EventData], tuple[int, ...]] = {}
        """By type the places of the subscriptions that take it: asked of each event, it would be most of the work."""

    def share(self, events: Iterable[Event[Any]]) -> list[tuple[Handler, list[Event[Any]]]]:
        """In the order of the subscriptions, without those of whose types there is none; events in their order."""
        found: dict[int, list[Event[Any]]] = {}
        for event in events:
            for place in self._taking.get(type(event.data)) or self._places(type(event.data)):
                found.setdefault(place, []).append(event)
        return [(self._subscriptions[place].handler, found[place]) for place in sorted(found)]

    def _places(self, kind: type[EventData]) -> tuple[int, ...]:
        taking = (place for place, each in enumerate(self._subscriptions) if issubclass(kind, each.types))
        return self._taking.setdefault(kind, tuple(taking))


def topics_of(subscriptions: Sequence[Subscription]) -> set[str]:
    """The topics on which the subscriptions' events travel."""
    return {kind.TOPIC for each in subscriptions for kind in each.types}


def kept_by(subscriptions: Sequence[Subscription]) -> Kept | None:
    """What the service folds; None where it folds nothing. A service has one fold."""
    return next((each.kept for each in subscriptions if each.kept is not None), None)
