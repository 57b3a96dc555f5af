"""The rows of payouts in points, compared with the commands that gave the points and took them back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from common.bus.inbox import key_of
from common.events import fact_id
from common.events.membership import PayoutReversed, PointsPaidOut
from common.storage.database import Transaction
from membership.payouts import store

PAGE = 2_000


def command_id(shop: str, customer: str, origin: str, kind: str) -> str:
    """Of the command that gives what is named `origin`, or takes it back: once for ever."""
    return fact_id(origin, kind, shop, customer, 0)


async def wrong_payouts(tx: Transaction) -> list[str]:
    """A sentence for each payout in points that was given, or taken back, otherwise than its row says."""
    found: list[str] = []
    after = ("", "")
    while rows := await store.list_in_points(tx, after, PAGE):
        after = rows[-1].shop, rows[-1].payout_id
        keys = [key for row in rows for key in _keys(row)]
        known = await store.known_commands(tx, keys)
        found += [line for row in rows if (line := _difference(row, known)) is not None]
    return found


def _keys(row: Row[Any]) -> Iterator[UUID]:
    source = f"/shops/{row.shop}/membership"
    for kind in (PointsPaidOut.TYPE, PayoutReversed.TYPE):
        yield key_of((row.shop, source, command_id(row.shop, row.customer, row.origin, kind)))


def _difference(row: Row[Any], known: Collection[UUID]) -> str | None:
    given, taken_back = (key in known for key in _keys(row))
    if (given, taken_back) == (row.state in ("paid", "reversed"), row.state == "reversed"):
        return None
    did = [word for word, was in (("given", given), ("taken back", taken_back)) if was] or ["not given"]
    return f"{row.shop}/{row.customer}: {row.origin} is {row.state}, and its points were {' and '.join(did)}"
