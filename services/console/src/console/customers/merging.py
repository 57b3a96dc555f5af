"""Merge of several lists, each newest first and paged by a cursor of its own, into one that is paged by one cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

MOST = 1_500
"""Characters of a cursor."""


class Item(NamedTuple):
    """One thing that happened; `kind` names the list it is from, `what` is its row there."""

    at: datetime
    kind: str
    what: Any


class Place(NamedTuple):
    """Where a list goes on: its own cursor (None: at its beginning), and how many of that page were shown already."""

    cursor: str | None = None
    shown: int = 0


Places = dict[str, Place | None]
"""By list; None where a list has ended."""


class Page(NamedTuple):
    """A page of one list; `after` is the cursor of the next one, None on the last."""

    items: Sequence[Item]
    after: str | None


def merge(pages: Mapping[str, Page], places: Places, rows: int) -> tuple[list[Item], Places]:
    """At most `rows` of the newest items behind the places, and the places behind them.

    It ends early where a list's page is used up and there is more of that list: what is on its next page may be newer
    than what the others have. It always goes on: each list's page is behind the place that is given for it.
    """
    left = {name: list(page.items[(place.shown if (place := places[name]) else 0) :]) for name, page in pages.items()}
    found: list[Item] = []
    while len(found) < rows:
        if any(not items and pages[name].after is not None for name, items in left.items()):
            break
        heads = [(items[0].at, name) for name, items in left.items() if items]
        if not heads:
            break
        found.append(left[max(heads)[1]].pop(0))
    return found, {name: _behind(pages[name], places[name], left[name]) for name in pages}


def _behind(page: Page, place: Place | None, left: list[Item]) -> Place | None:
    if left:
        return Place(place.cursor if place else None, len(page.items) - len(left))
    return Place(page.after) if page.after is not None else None


def written(places: Places) -> str | None:
    """The places as one cursor; None where all lists have ended."""
    if not any(place is not None for place in places.values()):
        return None
    said = {name: list(place) if place is not None else None for name, place in places.items()}
    return base64.urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")


def read(cursor: str, names: Sequence[str]) -> Places | None:
    """The places of a cursor; those of all beginnings for an empty one, None for one that is none of ours."""
    if not cursor:
        return {name: Place() for name in names}
    try:
        said = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return {name: _place(said[name]) for name in names}
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None


def _place(said: Any) -> Place | None:
    if said is None:
        return None
    cursor, shown = said
    if not (cursor is None or isinstance(cursor, str)) or not isinstance(shown, int) or shown < 0:
        raise ValueError("not a place")
    return Place(cursor, shown)
