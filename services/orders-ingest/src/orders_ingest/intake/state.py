"""An event on its way in: offered, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from common.events import Event
from common.refusals import Refusal
from orders_ingest.customers.profile import LeftOut

Status = Literal["accepted", "duplicate", "refused"]
Name = tuple[str, str, str]
"""(shop, source, id)."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An event that passed the checks, and its body as canonical JSON.

    `original` is what came in where the event was derived from it (a line of a file) or completed (an event without a
    time): a repeat is recognised by that, so that a release that derives more does not turn repeats into conflicts.
    `upserted`: derived from an order or customer sent as it stands. `left_out`: fields of a profile of no use.
    """

    event: Event[Any]
    body: bytes
    original: bytes | None = None
    left_out: tuple[LeftOut, ...] = ()
    upserted: bool = False

    @property
    def claimed(self) -> bytes:
        """By what a repeat is recognised."""
        return self.body if self.original is None else self.original

    @property
    def name(self) -> Name:
        """The event's name for ever."""
        return self.event.shop, self.event.source, self.event.id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one offered event; `refusal` is set where it was refused, `id` is None where it has none."""

    id: str | None
    status: Status
    refusal: Refusal | None = None
    detail: str | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def slug(self) -> str | None:
        """The reason of a refusal, stable."""
        return None if self.refusal is None else self.refusal.slug

    def as_dict(self) -> dict[str, Any]:
        """As it is answered; what is absent is left out."""
        detail = self.detail if self.refusal is None else self.refusal.detail
        found: dict[str, Any] = {"id": self.id, "status": self.status, "slug": self.slug, "detail": detail}
        if self.left_out:
            found["left_out"] = [each._asdict() for each in self.left_out]
        return {name: value for name, value in found.items() if value is not None}


def name_of(event: Event[Any]) -> Name:
    """The event's name for ever."""
    return event.shop, event.source, event.id


def refused(id_: str | None, refusal: Refusal) -> Outcome:
    """The outcome of an event that is not taken; alone it is answered as this refusal, which then names the event."""
    refusal.more["id"] = id_
    return Outcome(id_, "refused", refusal)
