"""Tables of reference: what each holds, how much of it there is, and where it is kept (XCT-017, XCT-027)."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import APIRouter, Response

from console.access.stages import FROM, off
from console.records import store as records
from console.records.company import get_company
from console.texts import N_
from console.web.guard import Guarded
from console.web.navigation import SECTIONS

router = APIRouter()


class Table(NamedTuple):
    """`path`: of the page on which it is kept; `kind`: of records that are counted."""

    label: str
    holds: str
    path: str
    kind: str = ""


TABLES = (
    Table(
        N_("Special days"),
        N_("Holidays, campaign days and days of the platform; reports name those of their time."),
        "/paperwork/special_day",
        "special_day",
    ),
    Table(
        N_("Costs of channels"),
        N_("What one message costs; a campaign's form says it."),
        "/paperwork/channel_cost",
        "channel_cost",
    ),
    Table(N_("Departments"), N_("Their duties, agents and targets."), "/paperwork/department", "department"),
    Table(N_("Shifts"), N_("Who is on duty when."), "/paperwork/shift", "shift"),
    Table(N_("Standards of expenses"), N_("What needs a second person, by kind."), "/paperwork/standard", "standard"),
    Table(
        N_("Stage and industry"),
        N_("What is in the navigation, and against whose ladder the shop is held."),
        "/paperwork/company",
        "company",
    ),
    Table(N_("Categories"), N_("Products by category, as the shop's backend sends them."), "/catalogue"),
    Table(N_("Reasons of leaving"), N_("Each with the share that is usual, and what was recorded."), "/leaving"),
    Table(
        N_("Days without messages"), N_("On which nothing but notices is sent, in the rules of contact."), "/programme"
    ),
    Table(
        N_("Benchmarks of industries"),
        N_("From each purchase to the next in four industries; they come with the product."),
        "/kpis",
    ),
    Table(
        N_("Levels of cities"),
        N_("Cities of China by level, from region and city of a profile; they come with the product."),
        "/segments",
    ),
)


@router.get("/s/{shop}/reference")
async def reference(viewer: Guarded) -> Response:
    """Each table with its number of entries, and what the company's stage leaves out."""
    async with viewer.console.database.transaction() as tx:
        counts = {t.kind: await records.count_records(tx, viewer.here, t.kind) for t in TABLES if t.kind}
        company = await get_company(tx, viewer.here)
    stage = company["stage"] if company is not None else None
    left_out = off(stage)
    entries = [each for section in SECTIONS for each in section.entries if each.page in left_out]
    begins = {page: name for name, pages in FROM.items() for page in pages}
    return viewer.draw(
        "company/reference.html",
        tables=TABLES,
        counts=counts,
        company=company,
        left_out=[(each, begins[each.page]) for each in entries if viewer.may(each.page)],
    )
