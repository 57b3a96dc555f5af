"""Latent needs of one customer by what they bought, looked at and said, and what people noted (SEG-049, SEG-067)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from common.events.segments import Confidence, TagSource
from segmentation.thresholds.state import TraitRules
from segmentation.traits.rules import shifts
from segmentation.traits.state import Known

NeedKind = Literal["restock", "more_of", "undecided", "better", "noted"]
NoteKind = Literal["state", "goal", "need"]
NOTES: tuple[NoteKind, ...] = ("state", "goal", "need")
"""A tag that begins with one of these and a colon is a note: `goal: lose weight`."""
LEAST_DAYS, LATE_AT_MOST = 3, 4
"""A habit takes so many days of buying; who is later than so many of its gaps has given it up."""
LOOKED_BACK = 30
"""Days within which what was looked at is still wanted."""
LEAST_LOOKS = 3
_LOOKING = ("product.viewed", "product.searched", "product.favourited", "cart.updated")


class Noted(NamedTuple):
    """A note of the shop's people on the customer; the newest word on each."""

    kind: NoteKind
    text: str
    source: TagSource
    on: date


class Need(NamedTuple):
    """`what`: a category, or what was noted; None: not known of what. `source`: where it is known from."""

    kind: NeedKind
    what: str | None
    source: str
    confidence: Confidence
    why: str


def note_of(tag: str, source: TagSource, on: date) -> Noted | None:
    """The note that the tag is; None of any other tag."""
    kind, colon, text = tag.partition(":")
    for name in NOTES:
        if colon and kind.strip().lower() == name and text.strip():
            return Noted(name, text.strip(), source, on)
    return None


def needs(known: Known, looked: int, broken_off: int, notes: Sequence[Noted], rules: TraitRules) -> list[Need]:
    """What the customer may need, the surest first.

    `looked`, `broken_off`: products looked at, and checkouts broken off, since the last order and within 30 days.
    """
    found = [
        *_noted(notes),
        *_restock(known),
        *_more_of(known, rules),
        *_undecided(looked, broken_off),
        *_better(known),
    ]
    order: dict[Confidence, int] = {"high": 0, "medium": 1, "low": 2}
    return sorted(found, key=lambda need: (order[need.confidence], need.kind, need.what or ""))


def interest_since(known: Known) -> date:
    """The first day on which looking at products shows a need that no order has met."""
    last = max((order.day for order in known.orders), default=date.min)
    return max(known.today - timedelta(days=LOOKED_BACK - 1), last + timedelta(days=1))


def looks(activity: dict[str, int]) -> int:
    return sum(activity.get(kind, 0) for kind in _LOOKING)


def _noted(notes: Sequence[Noted]) -> Iterator[Need]:
    for note in notes:
        if note.kind == "need":
            yield Need("noted", note.text, note.source, "high", f"noted on {note.on}")


def _restock(known: Known) -> Iterator[Need]:
    """Categories that are bought again and again, and are due."""
    days: dict[str, set[date]] = {}
    for order in known.orders:
        for line in order.lines:
            if line.category is not None:
                days.setdefault(line.category, set()).add(order.day)
    for category, of in sorted(days.items()):
        if len(of) < LEAST_DAYS:
            continue
        gap = median((later - earlier).days for earlier, later in pairwise(sorted(of)))
        since = (known.today - max(of)).days
        if gap <= since <= LATE_AT_MOST * gap:
            confidence: Confidence = "high" if len(of) > 2 * LEAST_DAYS else "medium"
            why = f"bought every {gap:g} days, the last time {since} days ago"
            yield Need("restock", category, "purchases", confidence, why)


def _more_of(known: Known, rules: TraitRules) -> Iterator[Need]:
    for shift in shifts(known, rules):
        if shift.direction == "rising":
            why = f"{shift.now} bought lately, {shift.before} before"
            yield Need("more_of", shift.category, "purchases", "medium", why)


def _undecided(looked: int, broken_off: int) -> Iterator[Need]:
    if looked >= LEAST_LOOKS or broken_off:
        confidence: Confidence = "medium" if broken_off else "low"
        why = f"looked {looked} times and broke off {broken_off} checkouts since the last order"
        yield Need("undecided", None, "browsing", confidence, why)


def _better(known: Known) -> Iterator[Need]:
    """Who is dissatisfied looks for something better (SEG-067)."""
    low, complaints = known.voices.low, known.voices.complaints
    if low or complaints:
        confidence: Confidence = "medium" if low and complaints else "low"
        yield Need("better", None, "reviews and tickets", confidence, f"{low} low reviews, {complaints} complaints")
