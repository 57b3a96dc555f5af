"""The shop's flows: read, drawn, saved in versions; and customers on their way through them (MSG-029 to 048)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from common.events.fields import Count, Cursor, Identifier, ShopName
from common.events.messages import FlowChanged
from common.http.api import Body, Router, Tx, require
from common.people.store import get_people
from common.refusals import Conflict, Invalid, NotFound
from common.versions.table import tell
from messaging.channels.registry import CHANNELS
from messaging.commands.flow_days import plan_flow
from messaging.flows.book import Books, Versioned
from messaging.flows.checks import channels_of, problems, values_of
from messaging.flows.document import FlowDocument
from messaging.flows.drawing import svg
from messaging.flows.store_versions import FLOW_VERSIONS, get_books, list_flow_versions, lock_versions
from messaging.offers.rules import offers_of_flow, unusable
from messaging.offers.store import get_offers
from messaging.reports import journeys
from messaging.segments.rules import segments_of_flow
from messaging.segments.rules import unknown as unknown_segments
from messaging.segments.store import get_known
from messaging.templates.rendering import known_templates, lacking
from messaging.templates.store import get_own, list_names

router = Router(tags=["flows"])
FlowName = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,39}$", max_length=40, description="the flow's name")]
MOST_FLOWS, MOST_VERSIONS = 200, 100


class UnknownFlow(NotFound):
    """Neither the library nor the shop has such a flow."""

    def __init__(self, flow: str) -> None:
        super().__init__("unknown_flow", f"There is no flow {flow!r}: list them at …/flows, or save it first.")


class FlowRefused(Invalid):
    """A flow that would lead nowhere, or ask for what there is not."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("flow_refused", f"The flow was not saved: {'; '.join(found[:10])}.", problems=found[:50])


class FlowChangedMeanwhile(Conflict):
    """Another version was saved than the one that was read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "flow_changed",
            f"Somebody saved another version meanwhile: {version} is the newest of this flow. "
            "Read it, and send yours again with its number as `replaces`.",
            version=version,
        )


class FlowSummary(BaseModel):
    """`version` 0: as the library has it. `at_once`: one message, without a wait or a question."""

    flow: str
    title: str
    enabled: bool
    purpose: str
    trigger: str
    version: int
    saved_at: datetime | None
    at_once: bool


class FlowsOut(BaseModel):
    flows: list[FlowSummary]


class FlowOut(BaseModel):
    """`document` is what a PUT takes."""

    flow: str
    version: int
    saved_at: datetime | None
    document: FlowDocument


class FlowVersionsOut(BaseModel):
    """What the shop saved, the newest first, the latest 100; as the library has it is none of them."""

    versions: list[FlowOut]


class FlowIn(Body):
    """`replaces`: the version that was read; leave it away to replace whatever is there. A flow is switched off by
    `enabled: false`; who is on the way through it goes on by the version that they began with."""

    document: FlowDocument
    replaces: Count | None = None


class MoveOut(BaseModel):
    """`path`: the steps passed; `reason`: waiting, or why it ended. `asked`: messages that it asked for."""

    number: int
    at: datetime
    reason: str
    step: str | None
    until: datetime | None
    path: list[str]
    asked: int


class RunOut(BaseModel):
    """`reason` is null of a run that has not begun. Its messages bear `<cause>/<step>` as their cause."""

    run_id: str
    customer: str
    flow: str
    version: int
    cause: str
    started_at: datetime
    step: str | None
    until: datetime | None
    reason: str | None
    moves: list[MoveOut] = Field(description="oldest first")


class RunsOut(BaseModel):
    runs: list[RunOut]
    next_after: str | None


class StepCount(BaseModel):
    step: str
    customers: int


class FlowFigures(BaseModel):
    """Customers who are on their way, by step; ended ones by reason; messages of the flow by what became of them."""

    flow: str
    waiting: list[StepCount]
    ended: dict[str, int]
    messages: dict[str, int]


@router.get("/v1/shops/{shop}/flows", dependencies=[require("programme:read")])
async def list_flows(shop: ShopName, tx: Tx) -> FlowsOut:
    """All flows as they are now: those of the library, and the shop's own."""
    book = (await get_books(tx, [shop]))[shop].now
    return FlowsOut(flows=[_summary(book.flows[name]) for name in sorted(book.flows)])


@router.get("/v1/shops/{shop}/flows/{flow}", dependencies=[require("programme:read")])
async def get_flow(shop: ShopName, flow: FlowName, tx: Tx) -> FlowOut:
    """One flow as it is now."""
    found = _find(await get_books(tx, [shop]), shop, flow)
    return FlowOut(flow=flow, version=found.version, saved_at=found.at, document=found.document)


@router.get("/v1/shops/{shop}/flows/{flow}/versions", dependencies=[require("programme:read")])
async def list_versions_of_flow(shop: ShopName, flow: FlowName, tx: Tx) -> FlowVersionsOut:
    """Every version of one flow that the shop saved, with what it was."""
    _find(await get_books(tx, [shop]), shop, flow)
    saved = await list_flow_versions(tx, shop, flow, MOST_VERSIONS)
    return FlowVersionsOut(
        versions=[FlowOut(flow=flow, version=v.version, saved_at=v.at, document=v.document) for v in saved]
    )


@router.get(
    "/v1/shops/{shop}/flows/{flow}/picture",
    dependencies=[require("programme:read")],
    response_class=Response,
    responses={200: {"description": "the picture", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def get_picture(shop: ShopName, flow: FlowName, tx: Tx) -> Response:
    """The flow as a picture (SVG, no scripts)."""
    found = _find(await get_books(tx, [shop]), shop, flow)
    return Response(svg(found.document), media_type="image/svg+xml")


@router.put("/v1/shops/{shop}/flows/{flow}", dependencies=[require("programme:write")])
async def put_flow(shop: ShopName, flow: FlowName, body: FlowIn, tx: Tx) -> FlowOut:
    """Save a new version, which holds for what happens from now on."""
    document = body.document
    await lock_versions(tx, shop)
    books = (await get_books(tx, [shop]))[shop]
    known = books.now.flows.get(flow)
    if body.replaces is not None and body.replaces != (known.version if known is not None else 0):
        raise FlowChangedMeanwhile(known.version if known is not None else 0)
    found = problems(document, {*known_templates(), *await list_names(tx, shop)})
    if document.flow != flow:
        found.insert(0, f"flow: the document says {document.flow!r}, the address {flow!r}")
    found += [f"channels: nothing is sent by {c} here" for c in channels_of(document) if c not in CHANNELS]
    segments = segments_of_flow(document)
    found += unknown_segments(segments, await get_known(tx, shop, segments))
    if document.enabled:  # one whose text was changed can be switched off
        found += await lacking_texts(tx, shop, document)
    offers = offers_of_flow(document) if document.enabled else set()
    if offers:
        found += [f"offer: {said}" for said in unusable(offers, await get_offers(tx, shop, offers), tx.clock.now())]
    if known is None and len(books.now.flows) >= MOST_FLOWS:
        found.append(f"a shop has {MOST_FLOWS} flows at most")
    if found:
        raise FlowRefused(found)
    version, now = books.last + 1, tx.clock.now()
    if not await FLOW_VERSIONS.insert(tx, shop, version, now, document):
        raise FlowChangedMeanwhile(version)
    await plan_flow(tx, shop, Versioned(document, version, now), now)
    stored: dict[str, Any] = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    await tell(tx, shop, "flow", FlowChanged(version=version, valid_from=now, flow=flow, document=stored))
    return FlowOut(flow=flow, version=version, saved_at=now, document=document)


@router.get("/v1/shops/{shop}/flows/{flow}/figures", dependencies=[require("messages:read")])
async def get_flow_figures(shop: ShopName, flow: FlowName, tx: Tx) -> FlowFigures:
    """How many customers are where in the flow, and what became of its messages."""
    _find(await get_books(tx, [shop]), shop, flow)
    waiting, ended = await journeys.count_runs(tx, shop, flow)
    return FlowFigures(
        flow=flow,
        waiting=[StepCount(step=step, customers=n) for step, n in sorted(waiting.items())],
        ended=ended,
        messages=await journeys.count_messages(tx, shop, flow),
    )


@router.get("/v1/shops/{shop}/customers/{customer}/journeys", dependencies=[require("messages:read")])
async def list_journeys(
    shop: ShopName,
    customer: Identifier,
    tx: Tx,
    which: Literal["open", "all"] = "all",
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> RunsOut:
    """The person's ways through flows, under all identifiers, the newest first, each with all its moves."""
    people = [name for _, name in (await get_people(tx, [(shop, customer)]))[shop, customer]]
    runs, moves = await journeys.list_runs(tx, shop, people, after, limit, only_open=which == "open")
    out = [RunOut(**r._mapping, moves=[MoveOut(**m._mapping) for m in moves if m.run_id == r.run_id]) for r in runs]
    return RunsOut(runs=out, next_after=runs[-1].run_id if len(runs) == limit else None)


async def lacking_texts(tx: Tx, shop: str, document: FlowDocument) -> list[str]:
    """Steps whose text asks for what no message of the flow has: none of them would ever be written."""
    own = await get_own(tx, [shop], {step.template for step in document.messages})
    return [
        f"steps.{step.id}: {step.template!r} cannot be written here: {said}; name it in the trigger's `details`, or "
        "take another template"
        for step in document.messages
        if (said := lacking(own.get((shop, step.template)), step.template, values_of(document)))
    ]


def _find(books: dict[str, Books], shop: str, flow: str) -> Versioned:
    found = books[shop].now.flows.get(flow)
    if found is None:
        raise UnknownFlow(flow)
    return found


def _summary(found: Versioned) -> FlowSummary:
    d = found.document
    return FlowSummary(
        flow=d.flow,
        title=d.title,
        enabled=d.enabled,
        purpose=d.purpose,
        trigger=d.trigger.on,
        version=found.version,
        saved_at=found.at,
        at_once=d.at_once,
    )
