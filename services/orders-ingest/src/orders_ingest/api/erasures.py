"""Erasure over HTTP: asked for once, done in every service, reported until it is complete (SEC-006)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel

from common.events.fields import Identifier, ShopName
from common.http.api import Router, Tx, require
from common.refusals import NotFound
from orders_ingest.api.parts import vault_of
from orders_ingest.commands.erase_customer import erase_customer
from orders_ingest.customers.rules import UnknownCustomer
from orders_ingest.erasure import store
from orders_ingest.erasure.state import Because
from orders_ingest.identity.store import find_known

router = Router(prefix="/v1/shops/{shop}/customers/{customer}/erasure", tags=["customers"])


class NotAsked(NotFound):
    """Nobody has asked for the customer's erasure."""

    def __init__(self, customer: str) -> None:
        super().__init__("no_erasure", f"Nobody has asked for {customer!r} to be erased: POST to the same path does.")


class ConfirmationOut(BaseModel):
    """`kept`: by table, rows that still name an identifier of the customer, without any personal text."""

    service: str
    at: datetime
    kept: dict[str, int]


class ErasureOut(BaseModel):
    """The completion report. `people`: all identifiers of the person; `because`: somebody asked for it, or the shop's
    retention is over; `removed`: by table, texts that named nobody and were found by looking; `waiting_for`: services
    that have not confirmed yet; `completed_at` null until all have."""

    customer: str
    people: list[str]
    asked_at: datetime
    because: Because
    completed_at: datetime | None
    removed: dict[str, int]
    confirmed: list[ConfirmationOut]
    waiting_for: list[str]


@router.post("", status_code=202, dependencies=[require("customers:erase")])
async def post_erasure(
    shop: ShopName,
    customer: Identifier,
    request: Request,
    tx: Tx,
    unknown: Annotated[
        bool,
        Query(description="also where nothing has come of the customer yet; a profile that comes later is refused"),
    ] = False,
) -> ErasureOut:
    """Erase a customer for ever, under all identifiers that are one person, in every service.

    From the answer on nothing personal of them opens anywhere, in tables, topics and backups taken since: their keys
    are gone. Each service removes what it holds and confirms; read the same path until `completed_at` is set. Totals,
    points and facts stay under the bare identifier, and a refusal of messages stays as a keyed hash of the address.
    Idempotent. Whoever comes back needs a new id.
    """
    if not unknown and not await find_known(tx, shop, [customer]):
        raise UnknownCustomer(customer)
    await erase_customer(tx, vault_of(request.app), shop, customer)
    return await _report(tx, shop, customer)


@router.get("", dependencies=[require("customers:read")])
async def get_erasure(shop: ShopName, customer: Identifier, tx: Tx) -> ErasureOut:
    """How far the erasure is: the completion report once `completed_at` is set. It is kept."""
    return await _report(tx, shop, customer)


async def _report(tx: Tx, shop: str, customer: str) -> ErasureOut:
    report = await store.get_report(tx, shop, customer)
    if report is None:
        raise NotAsked(customer)
    return ErasureOut(
        customer=report.person,
        people=report.people,
        asked_at=report.asked_at,
        because=report.because,
        completed_at=report.completed_at,
        removed=report.removed,
        confirmed=[ConfirmationOut(service=c.service, at=c.at, kept=c.kept) for c in report.confirmed],
        waiting_for=report.waiting_for,
    )
