"""What is counted of what a shop tells; and whether a shop that usually tells something has fallen silent (ORD-041)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from common.events.activity import ChatEnded, CheckoutInterrupted, CheckoutStep
from common.events.orders import OrderEvent
from orders_ingest.intake.state import Offered, Outcome

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
WEEKS = 4
"""So many weeks before say what is usual at an hour of the week."""
LEAST = 10
"""A shop that usually tells fewer events within the hour is never said to be silent."""
ORDERS, EVENTS, REFUSED = "orders", "events", "refused"
LIVE = "live"
"""Events that came by no file: what a shop usually tells within an hour is told by these."""
REACHED, LEFT = "checkout:", "left:"
"""Before the name of a step of the checkout."""
CHATS = "chats"
"""Chats with agents, by the hour in which each began."""
FEED, FEED_REFUSED = "feed:", "feed refused:"
"""Before the name of a feed: of what it told, whatever became of it, and of what was refused."""
LONGEST_FEED = 100
IMPORT = "import"
_NUMBER = re.compile("[0-9]{3,}")
_OF_THEIR_HOUR = (CheckoutStep, CheckoutInterrupted, ChatEnded)
"""What is counted by the hour in which it happened."""


class Tally(NamedTuple):
    """What is counted, of which hour (its start, UTC)."""

    shop: str
    hour: datetime
    what: str


class Counted(NamedTuple):
    """How often, and seconds that were told with it."""

    times: int = 0
    seconds: int = 0


class Silence(NamedTuple):
    """`usual`: events within the hour that begins at `since`, on average of the weeks before; `silent`: now none."""

    since: datetime
    usual: float
    silent: bool

    @property
    def sentence(self) -> str:
        """What an operator should know."""
        return f"this shop has told nothing since {self.since:%Y-%m-%d %H:%M}Z, usually {self.usual:.0f} events an hour"


def hour_of(instant: datetime) -> datetime:
    """The start of its hour."""
    return instant.replace(minute=0, second=0, microsecond=0)


def feed_of(shop: str, source: str) -> str:
    """By which way an event came, as its source says: `api`, `shopify`, `import/<name>`, or the shop's own word.

    A number in this word is written as #: it may be a till's or an order's, and each would be a feed of its own.
    """
    way = source.removeprefix(f"/shops/{shop}/").split("/")
    return ("/".join(way[:2]) if way[0] == IMPORT else _NUMBER.sub("#", way[0]))[:LONGEST_FEED]


def tallied(offered: Iterable[Offered], outcomes: Iterable[Outcome], now: datetime) -> dict[Tally, Counted]:
    """What is counted of events and what became of them: by the hour of the clock; checkouts and chats by theirs."""
    found: dict[Tally, Counted] = {}
    told = list(zip(offered, outcomes, strict=True))

    def count(shop: str, hour: datetime, what: str, times: int = 1, seconds: int = 0) -> None:
        before = found.get(name := Tally(shop, hour, what), Counted())
        found[name] = Counted(before.times + times, before.seconds + seconds)

    hour = hour_of(now)
    # Nearly all events of a request are alike in this.
    alike = Counter((one.event.shop, one.event.source, outcome.status, type(one.event.data)) for one, outcome in told)
    for (shop, source, status, kind), times in alike.items():
        feed = feed_of(shop, source)
        count(shop, hour, FEED + feed, times)
        if status == "refused":
            count(shop, hour, REFUSED, times)
            count(shop, hour, FEED_REFUSED + feed, times)
        if status != "accepted":
            continue
        count(shop, hour, EVENTS, times)
        if not feed.startswith(f"{IMPORT}/"):
            count(shop, hour, LIVE, times)
        if issubclass(kind, OrderEvent):
            count(shop, hour, ORDERS, times)
    if not any(issubclass(kind, _OF_THEIR_HOUR) for *_, kind in alike):
        return found
    for event in (one.event for one, outcome in told if outcome.status == "accepted"):
        data = event.data
        if isinstance(data, CheckoutStep):
            count(event.shop, hour_of(event.time), REACHED + data.step, seconds=data.seconds or 0)
        elif isinstance(data, CheckoutInterrupted):
            count(event.shop, hour_of(event.time), LEFT + (data.step or ""))
        elif isinstance(data, ChatEnded):
            seconds = data.seconds or 0
            count(event.shop, hour_of(event.time - timedelta(seconds=seconds)), CHATS, seconds=seconds)
    return found


def asked_hours(now: datetime) -> list[datetime]:
    """The hours that `silence_of` reads: the one before this, this one, and the same one of the weeks before."""
    since = hour_of(now) - HOUR
    return [since, since + HOUR, *(since - weeks * WEEK for weeks in range(1, WEEKS + 1))]


def silence_of(events: Mapping[datetime, int], now: datetime) -> Silence:
    """Of a shop's events by hour: silent where it told nothing within the whole hour before this one, and since."""
    since, this, *before = asked_hours(now)
    usual = sum(events.get(hour, 0) for hour in before) / WEEKS
    told = events.get(since, 0) + events.get(this, 0)
    return Silence(since, usual, told == 0 and usual >= LEAST)
