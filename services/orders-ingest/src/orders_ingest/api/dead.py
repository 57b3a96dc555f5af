"""What a shop sent by Kafka or webhooks and could not be taken: its own people look, mend, and send again (ORD-038)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.events.fields import Position, ShopName, Text
from common.events.topics import intake_topic
from common.http.api import Body, Router, Tx, require, runtime_of
from common.http.ops import BodyGone, ResentManyOut, resend, resend_each
from common.refusals import NotFound
from common.storage.database import Transaction
from orders_ingest.commands.take_delivery import topic_of
from orders_ingest.webhooks.registry import VENDORS

router = Router(prefix="/v1/shops/{shop}/dead", tags=["dead records"])
LONGEST = 2_000_000
Way = Literal["kafka", "webhook"]


class UnknownDeadRecord(NotFound):
    """The shop has no such dead record."""

    def __init__(self, dead_id: int) -> None:
        super().__init__("unknown_dead_event", f"There is no dead record {dead_id}; GET .../dead lists the shop's.")


class DeadRecordOut(BaseModel):
    """A record or delivery that could not be taken: `slug` and `detail` say why, `resent_at` when it was sent again."""

    dead_id: int
    way: Way
    vendor: str | None = Field(description="of a webhook")
    source: str | None
    event_id: str | None
    type: str | None
    slug: str
    detail: str
    recorded_at: datetime
    resent_at: datetime | None


class DeadRecordBodyOut(DeadRecordOut):
    """`body`: as it came; of a webhook `{id, topic, body}`, its body a text."""

    body: str


class MendedIn(Body):
    """`body`: the mended record as it is shown; absent: as it came."""

    body: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = None


class TakenAgainOut(BaseModel):
    """`duplicate`: it had counted before."""

    dead_id: int
    outcome: Literal["new", "duplicate"]


class SendAgainIn(Body):
    """Which: those after `after` that nobody has sent again, of one `slug` or of any, `limit` at most."""

    after: Position = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    slug: Text | None = None


@router.get("", dependencies=[require("dead:read")])
async def list_dead_records(
    shop: ShopName,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    way: Annotated[Way | None, Query(description="those that came by it alone")] = None,
    slug: Annotated[Text | None, Query(description="those with this reason alone")] = None,
    resent: Annotated[bool | None, Query(description="true: those sent again; false: the others; absent: all")] = None,
) -> list[DeadRecordOut]:
    """What could not be taken of the shop's Kafka topic and its webhooks, oldest first; bodies are not shown here."""
    topics = {"kafka": [intake_topic(shop)], "webhook": _deliveries(shop), None: _topics(shop)}[way]
    # By the index of shops.
    rows = await tx.fetch(
        f"""
        select {_SHOWN} from dead_events
        where shop = :shop and topic = any(cast(:topics as text[])) and dead_id > :after
          and (cast(:slug as text) is null or slug = :slug)
          and (cast(:resent as boolean) is null or (resent_at is not null) = :resent)
        order by dead_id limit :limit
        """,
        shop=shop,
        topics=topics,
        after=after,
        slug=slug,
        resent=resent,
        limit=limit,
    )
    return [DeadRecordOut.model_validate(_shown(row)) for row in rows]


@router.get("/{dead_id}", dependencies=[require("dead:read")])
async def get_dead_record(shop: ShopName, dead_id: Position, request: Request, tx: Tx) -> DeadRecordBodyOut:
    """One of them with its body; 410 `body_gone` where it is kept no longer."""
    row = await _find(tx, shop, dead_id)
    if row.body is None:
        raise BodyGone
    body = runtime_of(request).open_dead(bytes(row.body)) if row.body else b""
    return DeadRecordBodyOut.model_validate({**_shown(row), "body": body.decode("utf-8", "replace")})


@router.post("/{dead_id}/resend", dependencies=[require("dead:write")])
async def resend_dead_record(
    shop: ShopName, dead_id: Position, body: MendedIn, request: Request, tx: Tx
) -> TakenAgainOut:
    """Take it again, mended or as it came: it counts as if it had come in time, and once. What is wrong still is
    refused with its reason, and the record stays. It speaks for the shop of its topic alone, whatever it says."""
    await _find(tx, shop, dead_id)
    outcome = await resend(runtime_of(request), tx, dead_id, body.body)
    return TakenAgainOut.model_validate({"dead_id": dead_id, "outcome": outcome})


@router.post("/resend", dependencies=[require("dead:write")])
async def resend_dead_records(shop: ShopName, body: SendAgainIn, request: Request) -> ResentManyOut:
    """Take a page of them again as they came, such as after a setting was mended; what still cannot be taken is named
    and stays. Asked again from the start, it goes on with what is left."""
    runtime = runtime_of(request)
    async with runtime.database.transaction() as tx:
        # By the index of shops.
        rows = await tx.fetch(
            """
            select dead_id from dead_events
            where shop = :shop and topic = any(cast(:topics as text[])) and dead_id > :after
              and resent_at is null and body is not null and (cast(:slug as text) is null or slug = :slug)
            order by dead_id limit :limit
            """,
            shop=shop,
            topics=_topics(shop),
            after=body.after,
            slug=body.slug,
            limit=body.limit,
        )
    return await resend_each(runtime, [row.dead_id for row in rows], body.limit)


_SHOWN = "dead_id, topic, source, event_id, type, slug, detail, recorded_at, resent_at"


def _deliveries(shop: str) -> list[str]:
    return [topic_of(shop, vendor) for vendor in VENDORS]


def _topics(shop: str) -> list[str]:
    """Those that carry what the shop itself sent: of our own topics the operator looks after the dead."""
    return [intake_topic(shop), *_deliveries(shop)]


def _shown(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = dict(row._mapping)
    topic = found.pop("topic")
    kafka = topic.startswith(intake_topic(""))
    return found | {"way": "kafka" if kafka else "webhook", "vendor": None if kafka else topic.split(".")[1]}


async def _find(tx: Transaction, shop: str, dead_id: int) -> Any:
    row = await tx.fetch_one(
        f"""
        select {_SHOWN}, body from dead_events
        where dead_id = :dead_id and shop = :shop and topic = any(cast(:topics as text[]))
        """,
        dead_id=dead_id,
        shop=shop,
        topics=_topics(shop),
    )
    if row is None:
        raise UnknownDeadRecord(dead_id)
    return row
