"""Consent by channel and purpose, of a customer and of the addresses they have (SEC-005, MSG-009).

The newest statement by time holds, at one instant the refusal. A statement is the customer's, and it is also about the
address that the customer had on its channel when it was made (before the first one: about the first), for everybody who
has it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from common.events.customers import Channel, Purpose

ConsentState = Literal["granted", "withdrawn", "opted_out"]
PURPOSES: tuple[Purpose, ...] = ("marketing", "survey")
"""What consent is asked for: every purpose but transactional."""
FAR = datetime.max.replace(tzinfo=UTC)
"""On the wall clock all that is known counts, also what bears a time ahead of our clock."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Something said about consent; `rank`, `source` and `id` break the tie of two that bear the same time.

    `address`: hash of the address it is about; None where the customer never had any on the channel. `undated`: nobody
    said when; it bears the time at which it was read.
    """

    channel: Channel
    purpose: Purpose
    at: datetime
    rank: int
    source: str
    id: str
    state: ConsentState
    address: bytes | None = None
    via: str | None = None
    undated: bool = False


class Said:
    """Statements by channel and purpose in the order in which they hold: the newest up to an instant in O(log n)."""

    def __init__(self, statements: Iterable[Statement] = ()) -> None:
        self._of: dict[tuple[Channel, Purpose], list[Statement]] = {}
        for s in sorted(statements, key=_order):
            self._of.setdefault((s.channel, s.purpose), []).append(s)

    def about(self) -> list[tuple[Channel, Purpose]]:
        """Every channel and purpose that something was said about."""
        return sorted(self._of)

    def newest(self, channel: Channel, purpose: Purpose, until: datetime) -> Statement | None:
        """What holds after the statements made up to `until`, inclusive; None where nothing was said."""
        said = self._of.get((channel, purpose), [])
        n = bisect_right(said, until, key=lambda s: s.at)
        return said[n - 1] if n else None


@dataclass(frozen=True, slots=True)
class Register:
    """What one customer said, and what was said about their addresses by everybody who had them.

    `addresses`: the hash of the address on each channel, where there is one.
    """

    own: Said = field(default_factory=Said)
    there: Said = field(default_factory=Said)
    addresses: Mapping[Channel, bytes] = field(default_factory=dict)

    def holding(self, channel: Channel, purpose: Purpose, until: datetime) -> Statement | None:
        """The statement that holds for the customer at the address they have; None where nothing was ever said.

        The newer of the customer's own and the address's. But a yes that was given for another address opens nothing
        here: where somebody spoke about this one, that holds.
        """
        own, there = self.own.newest(channel, purpose, until), self.there.newest(channel, purpose, until)
        if own is None or there is None:
            return own or there
        if own.state == "granted" and own.address != self.addresses.get(channel):
            return there
        if own.state == "granted" and own.undated and there.state != "granted":
            return there  # a copy of the customer in the shop's books re-subscribes nobody
        return max(own, there, key=_order)

    def by_address(self, said: Statement) -> bool:
        """Whether another customer of this address said it."""
        return said != self.own.newest(said.channel, said.purpose, said.at)

    def refusals(self, until: datetime) -> int:
        """On how many channels and for how many purposes the customer has refused, as it stands."""
        held = (self.holding(channel, purpose, until) for channel, purpose in self.own.about())
        return sum(said is not None and said.state != "granted" for said in held)

    def about(self) -> Sequence[tuple[Channel, Purpose]]:
        """Every channel and purpose that something was said about."""
        return sorted({*self.own.about(), *self.there.about()})


def register_of(
    own: Iterable[Statement], there: Iterable[Statement] = (), addresses: Mapping[Channel, bytes] | None = None
) -> Register:
    """The register of one customer. A yes of which nobody said when opens no address, whoever said it."""
    known = (s for s in there if s.state != "granted" or not s.undated)
    return Register(Said(own), Said(known), addresses or {})


def _order(s: Statement) -> tuple[datetime, bool, int, str, str]:
    return s.at, s.state != "granted", s.rank, s.source, s.id
