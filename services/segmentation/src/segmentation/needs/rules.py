"""Latent needs of one customer by what they bought, looked at and said, and what people noted (SEG-049, SEG-067)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal, NamedTuple

from common.events.segments import Confidence, TagSource
from segmentation.activity.state import Looked
from segmentation.thresholds.state import TraitRules
from segmentation.traits.rules import shifts
from segmentation.traits.state import Bought, Known

NeedKind = Literal["restock", "more_of", "undecided", "better", "noted"]
NoteKind = Literal["state", "goal", "need"]
NOTES: tuple[NoteKind, ...] = ("state", "goal", "need")
"""A tag that begins with one of these and a colon is a note: `goal: lose weight`."""
LEAST_DAYS, LATE_AT_MOST = 3, 4
"""A habit takes so many days of buying; who is later than so many of its gaps has given it up."""
LOOKED_BACK = 30
"""Days within which what was looked at is still wanted."""
LEAST_LOOKS = 3


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


def needs(known: Known, looked: Sequence[Looked], notes: Sequence[Noted], rules: TraitRules) -> list[Need]:
    """What the customer may need, the surest first; `looked`: what was looked at since `looked_since`."""
    found = [
        *_noted(notes),
        *_restock(known),
        *_more_of(known, rules),
        *_undecided(known, looked),
        *_better(known),
    ]
    order: dict[Confidence, int] = {"high": 0, "medium": 1, "low": 2}
    return sorted(found, key=lambda need: (order[need.confidence], need.kind, need.what or ""))


def looked_since(today: date) -> date:
    """The first day on which looking at products may show a need of today."""
    return today - timedelta(days=LOOKED_BACK - 1)


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


def _undecided(known: Known, looked: Sequence[Looked]) -> Iterator[Need]:
    """Categories that were looked at and not bought since; where the events say no category, since any order."""
    for category in sorted({each.category for each in looked}, key=lambda name: name or ""):
        bought = max((order.day for order in known.orders if _may_meet(order, category)), default=date.min)
        since = [each for each in looked if each.category == category and each.day > bought]
        looks, broken_off = sum(each.looks for each in since), sum(each.broken_off for each in since)
        if looks >= LEAST_LOOKS or broken_off:
            confidence: Confidence = "medium" if broken_off else "low"
            why = f"looked {looks} times and broke off {broken_off} checkouts since the last order of it"
            yield Need("undecided", category, "browsing", confidence, why)


def _may_meet(order: Bought, category: str | None) -> bool:
    """Whether the order may have met a wish for the category: it holds it, or not all that it holds is told."""
    held = {line.category for line in order.lines}
    return category is None or not held or category in held or None in held


def _better(known: Known) -> Iterator[Need]:
    """Who is dissatisfied looks for something better (SEG-067)."""
    low, complaints = known.voices.low, known.voices.complaints
    if low or complaints:
        confidence: Confidence = "medium" if low and complaints else "low"
        yield Need("better", None, "reviews and tickets", confidence, f"{low} low reviews, {complaints} complaints")
