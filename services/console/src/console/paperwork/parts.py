"""What pages of records have in common: their kinds, who writes them, a page of them, a field as it is shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from common.storage.database import Transaction
from common.values.paths import part
from console.paperwork import cells
from console.records import rules, store
from console.records.commands import NotSaved
from console.records.kinds import KINDS, Kind
from console.records.state import Record
from console.texts import N_
from console.web.guard import NoAnswer, NotHere, NotTheirs
from console.web.page import Viewer

Name = Annotated[str, Path(max_length=20)]
Of = Annotated[str, Query(max_length=100)]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1)]

SHOWN = 50


def kind_of(name: str) -> Kind:
    if name not in KINDS:
        raise NotHere
    return KINDS[name]


def writes(viewer: Viewer, kind: Kind) -> bool:
    return viewer.may("save_paper") and (viewer.role == "owner" or not kind.owners)


def written_by(viewer: Viewer, name: str) -> Kind:
    """The kind of a form. Raises NotTheirs where owners alone write it."""
    kind = kind_of(name)
    if not writes(viewer, kind):
        raise NotTheirs("owner")
    return kind


async def page_of(
    viewer: Viewer, tx: Transaction, kind: str, after: str, version: int | None, item: str | None = None
) -> tuple[list[Record], Record | None]:
    """A page of records, and its last one where more follow. Raises NotHere where nothing is of that place."""
    place = None
    if after:
        place = (after, version or 0)
        if not await store.has_version(tx, viewer.here, kind, place):
            raise NotHere
    found = await store.list_page(tx, viewer.here, kind, place, SHOWN + 1, item)
    return found[:SHOWN], found[SHOWN - 1] if len(found) > SHOWN else None


def cell(record: Record, name: str) -> tuple[str, str, str]:
    """As `cells.shown`, and where it leads to."""
    value = record.fields.get(name)
    return *cells.shown(record.kind, name, value, record.currency), cells.leads(record.kind, name, value)


async def check_held(viewer: Viewer, kind: str, name: str) -> None:
    """Raises NotSaved where a payment holds the cost of a campaign that has begun, NoAnswer where that is unknown."""
    if kind != "spending":
        return
    async with viewer.console.database.transaction() as tx:
        known = await store.get_record(tx, viewer.here, kind, name)
    if known is None or known.state == rules.ENDED or not known.fields.get("starts"):
        return
    path = f"/campaigns/{part(str(known.fields['campaign']))}"
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", path))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if found.ok and found.body["state"] != "draft":
        raise NotSaved(
            N_("It holds the cost of a campaign that has begun: the campaign's page notes what it did cost, once over.")
        )
