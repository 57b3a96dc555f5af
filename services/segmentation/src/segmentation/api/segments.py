"""Segments that a shop defines itself: expressions previewed, saved in versions, and who is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from common.events.fields import Count, ShopName
from common.http.api import Body, Router, Tx
from segmentation.api.customers import Out
from segmentation.api.segment_ids import READ, WRITE, SegmentId, known_segment, names_of
from segmentation.commands.memberships import day_of
from segmentation.commands.segments import archive, check_named, define, read
from segmentation.expressions.facts import FACTS, Kind
from segmentation.expressions.words import explain
from segmentation.segments import store_definitions as definitions
from segmentation.segments import store_standings as standings
from segmentation.segments import store_stays as stays
from segmentation.segments.state import Defined, Definition
from segmentation.segments.templates import TEMPLATES

router = Router(prefix="/v1/shops/{shop}", tags=["segments"])
Expression = Annotated[
    str,
    Field(
        min_length=1, max_length=4_000, examples=["stage = returning and days_since_last_order >= 60 and not tag vip"]
    ),
]
SAMPLE = 20


class SegmentIn(Body):
    """`replaces`: the version that was read, 0 for a new segment; absent: whatever there is."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
    expression: Expression
    replaces: Count | None = None


class SegmentOut(Out):
    """`compared`: everybody has been compared with this version; until then `customers` is on its way."""

    segment: str
    version: int
    name: str
    expression: str
    in_english: str
    in_chinese: str
    archived: bool
    compared: bool
    customers: int


class SegmentsOut(Out):
    segments: list[SegmentOut]


class VersionOfSegmentOut(Out):
    version: int
    valid_from: datetime
    name: str
    expression: str
    archived: bool


class SegmentVersionsOut(SegmentOut):
    """The newest version first."""

    versions: list[VersionOfSegmentOut]


class ExpressionIn(Body):
    expression: Expression


class PreviewOfSegmentOut(Out):
    """Evaluated as of `as_of`; nothing is saved. `sample`: some who meet it, the same ones every time."""

    as_of: datetime
    in_english: str
    in_chinese: str
    customers: int
    looked_at: int
    sample: list[str]


class FactOut(Out):
    """`by_day`: it may be asked of the last days, as in `orders in 90 days >= 3`."""

    name: str
    kind: Kind
    values: list[str]
    by_day: bool
    in_english: str
    in_chinese: str


class FactsOut(Out):
    facts: list[FactOut]


class TemplateOut(Out):
    """`segment` is an id that it may be saved under."""

    segment: str
    name: str
    name_chinese: str
    expression: str
    in_english: str
    in_chinese: str


class TemplatesOut(Out):
    templates: list[TemplateOut]


@router.get("/segment-facts", dependencies=[READ])
async def list_facts(shop: ShopName) -> FactsOut:
    """The facts that an expression may ask for, with their kinds, values and words."""
    return FactsOut(
        facts=[
            FactOut(
                name=each.name,
                kind=each.kind,
                values=list(each.values),
                by_day=each.by_day,
                in_english=each.en,
                in_chinese=each.zh,
            )
            for each in FACTS.values()
        ]
    )


@router.get("/segment-templates", dependencies=[READ])
async def list_templates(shop: ShopName) -> TemplatesOut:
    """Segments to begin with, such as whom to call (SEG-058): previewed and saved like any other."""
    return TemplatesOut(
        templates=[
            TemplateOut(
                segment=each.segment,
                name=each.en,
                name_chinese=each.zh,
                expression=each.expression,
                in_english=explain(read(each.expression), "en"),
                in_chinese=explain(read(each.expression), "zh"),
            )
            for each in TEMPLATES
        ]
    )


@router.get("/segments", dependencies=[READ])
async def list_segments(shop: ShopName, tx: Tx, archived: bool = False) -> SegmentsOut:
    """The segments that the shop has defined, with how many customers are in each; `archived`: those that ended too."""
    known, counts = await definitions.get_definitions(tx, shop), await stays.count_members(tx, shop)
    return SegmentsOut(
        segments=[
            _out(each, known, counts.get(each.segment, 0))
            for each in known.values()
            if archived or not each.definition.archived
        ]
    )


@router.post("/segments/preview", dependencies=[READ])
async def preview_segment(shop: ShopName, body: ExpressionIn, tx: Tx) -> PreviewOfSegmentOut:
    """Whom an expression would hold, in words, number and sample, before it is saved."""
    tree, now = read(body.expression), tx.clock.now()
    day, _ = await day_of(tx, shop, now)
    check_named(tree, day)
    whom = standings.everybody(shop)
    count, looked_at = await standings.count_matching(tx, day, tree, whom)
    names = names_of(await definitions.get_definitions(tx, shop))
    return PreviewOfSegmentOut(
        as_of=now,
        in_english=explain(tree, "en", names),
        in_chinese=explain(tree, "zh", names),
        customers=count,
        looked_at=looked_at,
        sample=await standings.list_matching(tx, day, tree, whom, SAMPLE) if count else [],
    )


@router.put("/segments/{segment}", dependencies=[WRITE])
async def put_segment(shop: ShopName, segment: SegmentId, body: SegmentIn, tx: Tx) -> SegmentOut:
    """Save a version. Everybody is compared with it within seconds, and each who enters or leaves is announced."""
    day, _ = await day_of(tx, shop, tx.clock.now())
    definition = Definition(name=body.name, expression=body.expression)
    saved, _ = await define(tx, day, shop, segment, definition, body.replaces)
    known, counts = await definitions.get_definitions(tx, shop), await stays.count_members(tx, shop)
    return _out(known[saved.segment], known, counts.get(segment, 0))


@router.get("/segments/{segment}", dependencies=[READ])
async def get_segment(shop: ShopName, segment: SegmentId, tx: Tx) -> SegmentVersionsOut:
    """A segment in words, with all its versions."""
    known, counts = await definitions.get_definitions(tx, shop), await stays.count_members(tx, shop)
    newest = known_segment(known, segment)
    versions = [
        VersionOfSegmentOut(version=number, valid_from=since, **said.model_dump())
        for number, since, said in await definitions.list_versions(tx, shop, segment)
    ]
    return SegmentVersionsOut(**_out(newest, known, counts.get(segment, 0)).model_dump(), versions=versions)


@router.delete("/segments/{segment}", dependencies=[WRITE], status_code=204)
async def archive_segment(shop: ShopName, segment: SegmentId, tx: Tx) -> None:
    """End a segment: everybody leaves it, its history stays."""
    await archive(tx, shop, segment)


def _out(each: Defined, known: dict[str, Defined], customers: int) -> SegmentOut:
    tree, names = read(each.definition.expression), names_of(known)
    return SegmentOut(
        segment=each.segment,
        version=each.version,
        name=each.definition.name,
        expression=each.definition.expression,
        in_english=explain(tree, "en", names),
        in_chinese=explain(tree, "zh", names),
        archived=each.definition.archived,
        compared=each.compared is None,
        customers=customers,
    )
