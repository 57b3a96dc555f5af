"""Webhooks of shop systems: their secrets, and the routes that they are delivered to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from common.bus.dead import bury
from common.events.fields import Cursor, Name, ShopName
from common.http.api import JSON, Body, Router, Tx, public, require, runtime_of
from common.http.problems import Problem
from common.metrics import WEBHOOKS
from common.refusals import Invalid, NotFound
from orders_ingest.api.parts import NotStored, ResultsOut, vault_of
from orders_ingest.commands.take_delivery import dead_of, take_delivery
from orders_ingest.intake.state import Outcome
from orders_ingest.webhooks import store
from orders_ingest.webhooks.registry import VENDORS, VendorName
from orders_ingest.webhooks.state import Delivery
from orders_ingest.webhooks.vendor import Headers, NotSigned, Vendor

log = structlog.get_logger()
router = Router(prefix="/v1/shops/{shop}", tags=["webhooks"])
WITHIN_S = 4.0
"""Vendors give up after 5 seconds, and send again."""
_CLUSTER = "webhooks"
_DELIVERY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"description": "as the vendor writes it"}},
            "application/x-www-form-urlencoded": {"schema": {"description": "a probe"}},
        },
    }
}


class Unsigned(Problem):
    """Nothing proves who sent it."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            401,
            "not_signed",
            f"The delivery is not taken: {detail}. Set the secret with PUT /v1/shops/<shop>/webhooks/<vendor>.",
        )


class SecretsIn(Body):
    """All secrets that count from now on, the newest first. To rotate: put the new one before the old one, change it at
    the vendor's, then leave the old one out. None: deliveries are not taken any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}]})
    secrets: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=3)]


class WebhookOut(BaseModel):
    """A vendor whose deliveries are taken; secrets are shown never. `path`: where to let them be delivered."""

    vendor: str
    path: str
    secrets: int = Field(description="how many count")
    since: datetime = Field(description="when they were set")


@router.put("/webhooks/{vendor}", dependencies=[require("settings:write")])
async def put_webhook(
    shop: ShopName, vendor: VendorName, body: SecretsIn, request: Request, tx: Tx
) -> list[WebhookOut]:
    """Set the secrets by which a vendor's deliveries are proven; they are sealed where they are kept."""
    for number, secret in enumerate(body.secrets):
        try:
            VENDORS[vendor].check_secret(secret)
        except ValueError as error:
            raise Invalid("invalid_secret", f"/secrets/{number}: must be {error}") from None
    await store.put_secrets(tx, vault_of(request.app), shop, vendor, body.secrets)
    return await _webhooks(tx, shop)


@router.get("/webhooks", dependencies=[require("settings:read")])
async def list_webhooks(shop: ShopName, tx: Tx) -> list[WebhookOut]:
    """The vendors whose deliveries are taken."""
    return await _webhooks(tx, shop)


async def _webhooks(tx: Any, shop: str) -> list[WebhookOut]:
    return [
        WebhookOut(
            vendor=each.vendor,
            path=f"/v1/shops/{shop}/webhooks/{each.vendor}",
            secrets=len(each.secrets),
            since=each.since,
        )
        for each in await store.list_secrets(tx, shop)
    ]


@router.post(
    "/webhooks/{vendor}",
    dependencies=[public("each delivery is signed with the shop's secret")],
    response_model=ResultsOut,
    openapi_extra=_DELIVERY,
)
async def post_delivery(shop: ShopName, vendor: VendorName, request: Request) -> Response:
    """Take one delivery, proven by its signature. 200 for all that is durable: also for what makes no sense, which is
    kept as a dead event, for a vendor sends that again for days and then no more. Sending again is harmless."""
    runtime, vault = runtime_of(request), vault_of(request.app)
    kind = VENDORS[vendor]
    body = await request.body()
    async with runtime.database.transaction() as tx:
        secrets = await store.get_secrets(tx, vault, shop, vendor)
    try:
        came = kind.verify(_headers(request), body, secrets, runtime.clock.now()) if secrets else _unknown(body)
    except NotSigned as error:
        WEBHOOKS.labels(vendor, "not_signed").inc()
        raise Unsigned(error.detail) from None
    if came is None:
        return _answer(kind, [])
    try:
        async with asyncio.timeout(WITHIN_S):
            outcomes = await runtime.database.run(lambda tx: _take(request, tx, shop, kind, came))
    except TimeoutError:
        WEBHOOKS.labels(vendor, "too_slow").inc()
        raise NotStored("The delivery could not be stored in time; send it again.") from None
    for outcome in outcomes:
        WEBHOOKS.labels(vendor, outcome.status).inc()
    return _answer(kind, outcomes)


def _unknown(body: bytes) -> Delivery:
    raise NotSigned


async def _take(request: Request, tx: Any, shop: str, vendor: Vendor, came: Delivery) -> list[Outcome]:
    outcomes = await take_delivery(tx, vault_of(request.app), shop, vendor, came)
    dead = [dead_of(shop, vendor.name, came, outcome) for outcome in outcomes if outcome.refusal is not None]
    if dead:
        await bury(tx, dead[:1], runtime_of(request).seal_dead, _CLUSTER)
    return outcomes


def _headers(request: Request) -> Headers:
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _answer(vendor: Vendor, outcomes: Sequence[Outcome]) -> Response:
    content = vendor.reply if vendor.reply is not None else {"results": [outcome.as_dict() for outcome in outcomes]}
    return JSONResponse(dict(content), 200)


class PrivacyRequestOut(BaseModel):
    """`redact` was done when it came; the others wait for a person, who says here that they are done.

    `customer` is null where all of the shop's are meant. By law there are 30 days.
    """

    vendor: str
    request_id: str
    kind: str
    customer: str | None
    asked_at: datetime
    done_at: datetime | None


class UnknownPrivacyRequest(NotFound):
    def __init__(self, request_id: str) -> None:
        super().__init__("unknown_request", f"There is no privacy request {request_id!r}; GET …/privacy-requests.")


@router.get("/privacy-requests", dependencies=[require("customers:read")])
async def list_privacy_requests(
    shop: ShopName,
    tx: Tx,
    open: Annotated[bool | None, Query(description="true: not done yet; absent: all")] = None,
    after: Annotated[Cursor, Query()] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[PrivacyRequestOut]:
    """What people asked for through the vendors; `after` is `<vendor>:<request_id>` of the last one before."""
    rows = await store.list_privacy_requests(tx, shop, open, after, limit)
    return [PrivacyRequestOut.model_validate(dict(row._mapping)) for row in rows]


@router.post("/privacy-requests/{vendor}/{request_id}/done", dependencies=[require("customers:write")], status_code=204)
async def finish_privacy_request(shop: ShopName, vendor: VendorName, request_id: Name, tx: Tx) -> None:
    """Say that it was answered. Again is harmless."""
    if not await store.finish_privacy_request(tx, shop, vendor, request_id):
        raise UnknownPrivacyRequest(request_id)
