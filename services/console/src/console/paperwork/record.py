"""One record with its versions and payments, and what is decided about it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Response

from common.values.paths import part
from console.paperwork import cells
from console.paperwork.parts import SHOWN, Name, Of, Version, cell, check_held, kind_of, page_of, writes, written_by
from console.records import commands, store
from console.records.commands import NotSaved
from console.records.state import Record
from console.web.guard import Guarded, NotHere
from console.web.page import Viewer, see

Given = Annotated[str, Form(max_length=100)]
FormId = Annotated[str, Form(alias="form", max_length=50)]
Number = Annotated[int, Form(ge=0, le=2**31 - 1)]

router = APIRouter()


@router.get("/s/{shop}/paperwork/{kind}/one")
async def one_paper(
    viewer: Guarded, kind: Name, of: Of = "", before: Version = None, after: Of = "", version: Version = None
) -> Response:
    """A record with its versions, and a budget item with its payments.

    `before`: the oldest version of the page before; `after`, `version`: the last payment of the page before.
    """
    return await _one(viewer, kind, of, before=before, after=after, version=version)


async def _one(
    viewer: Viewer,
    name: str,
    of: str,
    error: str = "",
    status: int = 200,
    *,
    before: int | None = None,
    after: str = "",
    version: int | None = None,
) -> Response:
    kind = kind_of(name)
    async with viewer.console.database.transaction() as tx:
        newest = await store.get_record(tx, viewer.here, name, of)
        if newest is None:
            raise NotHere
        versions = await store.list_versions(tx, viewer.here, name, of, before, SHOWN + 1)
        payments: list[Record] = []
        following = None
        if name == "budget":
            payments, following = await page_of(viewer, tx, "spending", after, version, of)
    return viewer.draw(
        "paperwork/one.html",
        status,
        name=name,
        kind=kind,
        newest=newest,
        rows=[(f.label, *cell(newest, f.name)) for f in kind.fields],
        versions=versions[:SHOWN],
        earlier=versions[SHOWN - 1].version if len(versions) > SHOWN else None,
        payments=[(p, *cells.shown("spending", "amount", p.fields["amount"], p.currency)) for p in payments],
        following=following,
        first=before is None and not after,
        error=error,
        part=part,
        me=viewer.who.person_id,
        writes=writes(viewer, kind),
    )


@router.post("/s/{shop}/paperwork/{kind}/decide")
async def decide_paper(
    viewer: Guarded,
    kind: Name,
    of: Given = "",
    version: Number = 0,
    *,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    form: FormId = "",
) -> Response:
    """Approve or refuse an item that another person asked for."""
    kind_of(kind)
    try:
        await commands.decide(viewer, kind, of, version, form, approve=decision == "approve")
    except NotSaved as error:
        return await _one(viewer, kind, of, viewer.say(error.text, **error.values), 409)
    return see(viewer.url(f"/paperwork/{kind}/one?of={part(of)}"), "saved")


@router.post("/s/{shop}/paperwork/{kind}/end")
async def end_paper(viewer: Guarded, kind: Name, of: Given = "", version: Number = 0, form: FormId = "") -> Response:
    """Off the list; its versions stay."""
    written_by(viewer, kind)
    try:
        await check_held(viewer, kind, of)
        await commands.end(viewer, kind, of, version, form)
    except NotSaved as error:
        return await _one(viewer, kind, of, viewer.say(error.text, **error.values), 409)
    return see(viewer.url(f"/paperwork/{kind}"), "saved")
