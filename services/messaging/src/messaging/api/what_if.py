"""What a flow would have sent over past history: asked by pages of customers, decided as the sweep would have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Request
from pydantic import BaseModel, Field, model_validator

from common.events import CustomerKey
from common.events.fields import Cursor, PlannedTime, ShopName
from common.http.api import Body, Router, Tx, require, runtime_of
from common.people.store import get_people
from common.refusals import Invalid
from common.shops.settings import get_shop
from common.storage.database import Transaction
from common.time.calendar import local_date
from messaging.api.flows import FlowName, FlowRefused, UnknownFlow, lacking_texts
from messaging.channels.registry import CHANNELS
from messaging.decisions.batch import by_address, decide_together, recipient_zone
from messaging.flows.checks import problems
from messaging.flows.document import Dated, FlowDocument, NewArrivalTrigger, PersonalDateTrigger
from messaging.flows.state import Candidate
from messaging.flows.store_versions import get_books
from messaging.known import get_known
from messaging.limits.caps.store import LOOK_BACK, get_places
from messaging.occasions.hashing import DayHashing
from messaging.occasions.rules import birthdays_on, sends_on
from messaging.occasions.store import list_launches
from messaging.policy.store import get_policies
from messaging.templates.rendering import known_templates
from messaging.templates.store import list_names
from messaging.whatif.rules import Past, history_of, imagine
from messaging.whatif.store import get_own_days, get_said, list_customers, list_orders

router = Router(tags=["flows"])
MOST_DAYS = 800
SHOWN = 50


class NoHistory(Invalid):
    """What starts the flow is not kept."""

    def __init__(self, flow: str) -> None:
        super().__init__(
            "no_history",
            f"What starts {flow!r} is not kept once it was acted on, so nothing can be said of the past: "
            "ask of a flow that orders, segments, surveys, stages, life cycles or days start.",
        )


class WhatIfIn(Body):
    """`document`: a flow that is not saved; absent: the one in force. Of causes from `since` until `until` (exclusive),
    800 days at most. `after`: the `next_after` of the page before."""

    since: PlannedTime
    until: PlannedTime
    document: FlowDocument | None = None
    after: Cursor = ""
    customers: Annotated[int, Field(ge=1, le=500, strict=True)] = 200

    @model_validator(mode="after")
    def _ordered(self) -> WhatIfIn:
        if not self.since < self.until <= self.since + timedelta(days=MOST_DAYS):
            raise ValueError(f"`until` comes after `since`, {MOST_DAYS} days at most")
        return self


class WouldBe(BaseModel):
    """A message that would have been asked for, and what would have been decided about it last."""

    customer: str
    template: str
    channel: str
    due_at: datetime
    decided_at: datetime
    outcome: str
    reason: str


class WhatIfOut(BaseModel):
    """Of one page of customers. `history`: `newest`, where only the last two of what starts the flow are kept.

    `runs`: by how they ended; `messages`: by template, then by the reason of the last decision (`allowed`: sent).
    Decided by the policy in force now, and by consent, conditions and messages as they were then; the flow's own real
    messages count as well. `shown`: the first 50.
    """

    history: Literal["whole", "newest"]
    customers: int
    runs: dict[str, int]
    messages: dict[str, dict[str, int]]
    shown: list[WouldBe]
    next_after: str | None


@router.post("/v1/shops/{shop}/flows/{flow}/what-if", dependencies=[require("programme:read")])
async def ask_what_if(shop: ShopName, flow: FlowName, body: WhatIfIn, tx: Tx, request: Request) -> WhatIfOut:
    """What the flow would have sent to a page of customers. Nothing is stored or sent."""
    document = body.document
    if document is None:
        found = (await get_books(tx, [shop]))[shop].now.flows.get(flow)
        if found is None:
            raise UnknownFlow(flow)
        document = found.document
    wrong = problems(document, {*known_templates(), *await list_names(tx, shop)})
    wrong += await lacking_texts(tx, shop, document)
    if wrong:
        raise FlowRefused(wrong)
    history = history_of(document)
    if history is None:
        raise NoHistory(flow)
    keys = [(shop, c) for c in await list_customers(tx, shop, body.after, body.customers)]
    pasts = await _pasts(tx, shop, keys, document, body, DayHashing(runtime_of(request).keys))
    policy = (await get_policies(tx, [shop]))[shop].policy
    imagined = {key: imagine(document, past, body.since, body.until, policy.channels) for key, past in pasts.items()}
    last = await _decide(tx, shop, {key: i.candidates for key, i in imagined.items() if i.candidates}, body, flow)
    messages: dict[str, Counter[str]] = {}
    for would in last:
        messages.setdefault(would.template, Counter())[would.reason] += 1
    return WhatIfOut(
        history="whole" if history == "whole" else "newest",
        customers=len(keys),
        runs=Counter(reason for i in imagined.values() for reason in i.ended),
        messages={template: dict(counted) for template, counted in sorted(messages.items())},
        shown=last[:SHOWN],
        next_after=keys[-1][1] if len(keys) == body.customers else None,
    )


async def _pasts(
    tx: Transaction,
    shop: str,
    keys: Sequence[CustomerKey],
    document: FlowDocument,
    body: WhatIfIn,
    hashing: DayHashing,
) -> dict[CustomerKey, Past]:
    if not keys:
        return {}
    people = await get_people(tx, keys)
    everybody = [one for of in people.values() for one in of]
    known = await get_known(tx, keys, await list_orders(tx, everybody))
    said = await get_said(tx, keys)
    shop_zone = (await get_shop(tx, shop)).at(body.since).zone
    trigger = document.trigger
    days: list[date] = []
    own: dict[CustomerKey, bytes] = {}
    if isinstance(trigger, Dated):
        first = local_date(body.since, shop_zone) - timedelta(days=1)
        launches = await list_launches(tx, shop, first - timedelta(days=61))
        launched = launches if isinstance(trigger, NewArrivalTrigger) else []
        days = [day for day in _days(first, body.until) if sends_on(trigger, day, launched)]
        if isinstance(trigger, PersonalDateTrigger):
            own = await get_own_days(tx, everybody, trigger.date)
    celebrated: dict[bytes, list[date]] = {}
    if isinstance(trigger, PersonalDateTrigger):
        for day in days:
            for text in birthdays_on(day - timedelta(days=trigger.days)):
                celebrated.setdefault(hashing.hashed(shop, trigger.date, text), []).append(day)
    return {
        key: Past(
            key,
            recipient_zone(contact.zone if (contact := known[key].contact) else None, shop_zone),
            known[key].facts,
            said[key],
            _celebrated(celebrated, own, people[key]) if isinstance(trigger, PersonalDateTrigger) else days,
        )
        for key in keys
    }


def _celebrated(
    days: Mapping[bytes, Sequence[date]], own: Mapping[CustomerKey, bytes], people: Sequence[CustomerKey]
) -> list[date]:
    """The days of the person, by the profile of any identifier."""
    return sorted({day for one in people for day in days.get(own.get(one, b""), ())})


def _days(first: date, until: datetime) -> Iterator[date]:
    last = until.date() + timedelta(days=1)
    while first <= last:
        yield first
        first += timedelta(days=1)


async def _decide(
    tx: Transaction, shop: str, due: dict[CustomerKey, list[Candidate]], body: WhatIfIn, flow: str
) -> list[WouldBe]:
    """The last decision about each, taken as on a clock that was set through that time."""
    if not due:
        return []
    orders = [str(c.details["order_id"]) for of_one in due.values() for c in of_one if "order_id" in c.details]
    known = await get_known(tx, list(due), orders, since=body.since)
    persons = {one: known[key].person(key) for key in due for one in known[key].people}
    of_person = {one: known[key].hashes.values() for key in due for one in known[key].people}
    places = await get_places(tx, of_person, body.since - LOOK_BACK, persons)
    version, settings = (await get_policies(tx, [shop]))[shop], await get_shop(tx, shop)
    names = {flow, *(c.flow for of_one in due.values() for c in of_one)}
    end = body.until + timedelta(days=60)
    last: dict[str, WouldBe] = {}
    for together in by_address(due, known):
        for d in decide_together(together, known, places, version, settings, CHANNELS, names, end, replay=True):
            c = d.candidate
            last[c.message_id] = WouldBe(
                customer=c.customer,
                template=c.template,
                channel=c.channel,
                due_at=c.due_at,
                decided_at=d.decision.at,
                outcome=d.decision.outcome,
                reason=d.decision.reason,
            )
    return sorted(last.values(), key=lambda w: (w.customer, w.due_at, w.channel))
