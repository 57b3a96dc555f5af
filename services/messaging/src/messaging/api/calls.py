"""Call tasks for the shop's people: what is due, one with its script, and what came of it (MSG-021, MSG-022)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.crypto.keys import DataKey
from common.crypto.sealing import SealBroken, open_sealed
from common.events import CustomerKey
from common.events.fields import Cursor, Identifier, Instant, PersonalText, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.http.staff import Staff
from common.people.store import get_people
from messaging.api import cursors
from messaging.api.written import house_of, opened, written
from messaging.calls.rules import MOST_ATTEMPTS, Call, Outcome
from messaging.calls.store import Place, get_task, list_calls, list_tasks
from messaging.commands.calls import Told, UnknownTask, claim_task, tell_outcome, why_not
from messaging.commands.vips import vips_among
from messaging.coupons.store import get_coupons
from messaging.known import get_reachable
from messaging.standings.store import get_standings
from messaging.templates.store import get_own

router = Router(tags=["call tasks"])
HABITS = ("tier", "stage", "life_cycle", "rfm_class", "orders", "usual_gap", "points", "churn_risk", "churn_reason")
"""What the caller is told of the customer besides the script."""


class CallTaskSummary(BaseModel):
    """`due_at`: when it was handed to people, or is to be tried again. `attempts`: so many calls were made."""

    message_id: str
    customer: str
    flow: str
    handed_at: datetime
    due_at: datetime
    attempts: int
    taken_by: str | None
    taken_until: datetime | None
    vip: bool = Field(description="the customer is one of the policy's `vip_desk`")


class CallTasksOut(BaseModel):
    tasks: list[CallTaskSummary]
    next_after: str | None


class MadeCallOut(BaseModel):
    """`note` is null where there is none, or it cannot be opened. `again_at` is null where the task is done."""

    number: int
    at: datetime
    outcome: Outcome
    by: str
    note: str | None
    again_at: datetime | None


class CallTaskOut(BaseModel):
    """All that a caller needs. `script` is null where the text asks for what is not there; `phone` where the customer
    was erased or has no number any more."""

    message_id: str
    customer: str
    name: str | None
    phone: str | None
    script: str | None
    habits: dict[str, str] = Field(description="what is known of the customer; absent where nothing is")
    coupons: list[str] = Field(description="codes that the customer may use now")
    calls: list[MadeCallOut] = Field(description="earlier attempts, in order")
    taken_until: datetime | None


class CallClaimIn(Body):
    by: Staff


class CallOutcomeIn(Body):
    """What came of a call. `again_at`: when to call once more, of `no_answer` and `call_again`."""

    by: Staff
    outcome: Outcome
    note: PersonalText | None = None
    again_at: Instant | None = None
    number: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)] | None = Field(
        default=None,
        description="of the attempt: one more than `attempts`; makes it safe to tell again however late. Without it the"
        " very same outcome is the same call for half an hour, and where the task is done",
    )


@router.get("/v1/shops/{shop}/call-tasks", dependencies=[require("messages:read")])
async def list_call_tasks(
    shop: ShopName,
    tx: Tx,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    vip: Annotated[bool | None, Query(description="true: those of the VIP desk alone; false: all others")] = None,
) -> CallTasksOut:
    """Tasks that are due, the longest due first; those that somebody has taken say so.

    A page may hold fewer than `limit` and still have a `next_after`: nobody is listed who opted out since, or
    is not of the queue that is asked for.
    """
    rows = await list_tasks(tx, shop, tx.clock.now(), cursors.read(after, Place), limit)
    over = await why_not(tx, shop, {r.message_id: r.customer for r in rows})
    upto = cursors.told(rows[-1].due_at, rows[-1].message_id) if len(rows) == limit else None
    vips = await vips_among(tx, shop, [r.customer for r in rows], tx.clock.now())
    open_ = [r for r in rows if r.message_id not in over and vip in (None, r.customer in vips)]
    tasks = [CallTaskSummary.model_validate({**r._mapping, "vip": r.customer in vips}) for r in open_]
    return CallTasksOut(tasks=tasks, next_after=upto)


@router.get("/v1/shops/{shop}/call-tasks/{message_id}", dependencies=[require("customers:reveal")])
async def get_call_task(shop: ShopName, message_id: Identifier, tx: Tx, request: Request) -> CallTaskOut:
    """One task with number, script, and what is known of the customer."""
    return await _out(tx, shop, message_id, request)


@router.post("/v1/shops/{shop}/call-tasks/{message_id}/claim", dependencies=[require("customers:reveal")])
async def claim_call_task(
    shop: ShopName, message_id: Identifier, body: CallClaimIn, tx: Tx, request: Request
) -> CallTaskOut:
    """Take it for half an hour, so that nobody else calls; again by the same person for half an hour more."""
    await claim_task(tx, shop, message_id, body.by)
    return await _out(tx, shop, message_id, request)


@router.post("/v1/shops/{shop}/call-tasks/{message_id}/outcome", dependencies=[require("messages:write")])
async def post_call_outcome(
    shop: ShopName, message_id: Identifier, body: CallOutcomeIn, request: Request
) -> MadeCallOut:
    """Tell what came of the call. Three attempts at most; `refused` is an opt-out of calls, effective when answered.

    The same told again, since the answer was lost, is answered as before and is no other attempt.
    """
    runtime = runtime_of(request)
    said = Told(body.outcome, body.by, body.note, body.again_at, body.number)
    told = await tell_outcome(runtime.database, runtime.keys, shop, message_id, said)
    return MadeCallOut(**{**told._asdict(), "note": body.note if told.note is not None else None})


async def _out(tx: Tx, shop: str, message_id: str, request: Request) -> CallTaskOut:
    task = await get_task(tx, shop, message_id)
    if task is None:
        raise UnknownTask
    key, now = (shop, task.customer), tx.clock.now()
    people = await get_people(tx, [key])
    known = (await get_reachable(tx, [key]))[key]
    keys = await runtime_of(request).keys.keys_for(tx, people[key])
    contact = known.contact
    address = known.address("phone")
    name = opened(contact.name, contact, "name", keys) if contact is not None else None
    phone = opened(address.sealed, contact, address.field, keys) if contact is not None and address else None
    standings = (await get_standings(tx, {key: now}, people))[key]
    coupons = [c.code for c in (await get_coupons(tx, people, now))[key] if c.used_at is None and c.valid_from <= now]
    own = (await get_own(tx, [shop], [task.template])).get((shop, task.template))
    language = contact.language if contact is not None else None
    house = await house_of(tx, shop, now)
    text = written(house, own, task.template, language, name, orjson.loads(task.details), coupons)
    return CallTaskOut(
        message_id=message_id,
        customer=task.customer,
        name=name,
        phone=phone,
        script=text.text if text is not None else None,
        habits={what: standings[what] for what in HABITS if what in standings},
        coupons=coupons,
        calls=[_call(c, key, keys) for c in await list_calls(tx, key, message_id)],
        taken_until=task.taken_until,
    )


def _call(call: Call, key: CustomerKey, keys: Mapping[CustomerKey, DataKey | None]) -> MadeCallOut:
    note = None
    own = keys.get(key)
    if call.note is not None and own is not None:
        try:
            note = open_sealed(call.note, own.key, *key, "note")
        except SealBroken:
            note = None
    return MadeCallOut(**{**call._asdict(), "note": note})
