"""Changes by hand as a part of the fold: it folds nothing, and has `verify` compare what was granted with the inputs.

What a change does is done by the part that it concerns: points, tiers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row

from common.events import CustomerKey, Event
from common.events.membership import PointsAdjusted, TierGranted
from common.storage.database import Transaction
from membership.manual_changes import store
from membership.member import Member, PartState
from membership.part import Part


class ManualChangesPart(Part[PartState]):
    name = "manual_changes"

    async def rows(self, tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
        return await store.list_granted(tx, after, last)

    def wrong_rows(self, member: Member, inputs: Sequence[Event[Any]], rows: Sequence[Row[Any]]) -> Iterator[str]:
        made: dict[str, Any] = {e.data.command_id: e.data.points for e in inputs if isinstance(e.data, PointsAdjusted)}
        made |= {e.data.command_id: e.data.tier for e in inputs if isinstance(e.data, TierGranted)}
        kept = {row.command_id: row.points if row.kind == "points" else row.tier for row in rows}
        for name in sorted(made.keys() | kept.keys()):
            if name not in kept:
                yield f"nobody is on record for the change {name!r}"
            elif made.get(name, "") != kept[name]:
                yield f"the change {name!r} is on record as granted, and no input made it"


PART = ManualChangesPart()
