"""Rank of versions: the shop's own number decides, else `time`, then state; never arrival."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

from common.events import Event
from common.events.activity import VisitsCounted
from common.events.catalogue import ProductChanged
from common.events.customers import CustomerProfile, CustomerRegistered
from common.events.orders import OrderEvent, OrderState
from common.refusals import Conflict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATES = {state: number for number, state in enumerate(get_args(OrderState))}
_STEP = 16


class VersionMixed(Conflict):
    """One version of a thing bears the shop's number and another one does not: they cannot be ranked."""

    def __init__(self, what: str, numbered: bool) -> None:
        how = "with" if numbered else "without"
        super().__init__("version_mixed", f"{what} was sent {how} a `version` before: do so always or never")


def by_time(instant: datetime, number: int = 0) -> int:
    """Hundred-thousandths of a second since 1970 times 16, plus a number below 16 that orders what happened at one
    instant. Below 2^53, which JavaScript holds exactly, until 2148."""
    passed = instant - _EPOCH
    return ((passed.days * 86_400 + passed.seconds) * 100_000 + passed.microseconds // 10) * _STEP + number


def state_number(event: Event[OrderEvent]) -> int:
    """The place of the order's state among all states; 0 is `placed`."""
    return STATES[event.data.state]


def state_bit(state: str) -> int:
    """The bit of a state among those in which an order was told."""
    return 1 << STATES[state]


def revision_of(event: Event[Any]) -> int:
    """The rank of an order's or a profile's version among those of the same order or customer."""
    data = event.data
    if isinstance(data, OrderEvent):
        return data.version if data.version is not None else by_time(event.time, state_number(event))
    if isinstance(data, CustomerProfile):
        return (
            data.version
            if data.version is not None
            else data.revision or by_time(event.time, 0 if isinstance(data, CustomerRegistered) else 1)
        )
    if isinstance(data, ProductChanged):
        return data.version if data.version is not None else data.revision or by_time(event.time)
    if isinstance(data, VisitsCounted):
        return by_time(event.time)
    raise TypeError(f"{event.type} has no versions")
