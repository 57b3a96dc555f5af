"""Comparison of all that is kept with what was announced: the topics, read from their first records on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import orjson

from common.bus.inbox import key_of
from common.crypto.keys import KeyRing
from common.crypto.sealing import SealBroken
from common.events import InvalidEvent, decode, rfc3339
from common.verification import Appended, Expectation, Table, Verification, compare, digest, pages_of
from orders_ingest.archive.vault import Vault
from orders_ingest.refunds.state import place_of
from orders_ingest.verification.expected import ERASED, MISSING, TOLD, detail, expectations, journey
from orders_ingest.verification.signs import compare_signs
from orders_ingest.versions.rules import STATES, state_bit

TOPICS = ("orders", "customers", "activity", "catalogue", "customer-keys", "shops")
JOBS = 20
TABLES = (
    Table(
        "orders",
        "orders",
        "t.shop, t.order_id, t.customer, t.revision, t.state_number, t.source, t.event_id, t.numbered, t.state,"
        " t.currency, t.goods_paid, t.freight, t.at, t.reached, t.paid_told_at, t.shipped_told_at,"
        " t.delivered_told_at, t.promised_by, cast(t.body as text) as body",
        ("shop", "order_id"),
        lambda r: [
            (("owner", r.shop, r.order_id), digest(r.customer)),
            (
                ("order", r.shop, r.order_id),
                digest(
                    r.source,
                    r.event_id,
                    rfc3339(r.at),
                    r.revision,
                    r.state_number,
                    r.numbered,
                    r.state,
                    r.currency,
                    r.goods_paid,
                    r.freight,
                    orjson.loads(r.body),
                ),
            ),
            *((("state", r.shop, r.order_id, s), None) for s in STATES if r.reached & state_bit(s)),
            *(
                (("told", r.shop, r.order_id, state), digest(rfc3339(at)))
                for state, at in zip(TOLD, (r.paid_told_at, r.shipped_told_at, r.delivered_told_at), strict=True)
                if at is not None
            ),
            *([(("promise", r.shop, r.order_id), digest(rfc3339(r.promised_by)))] if r.promised_by is not None else []),
        ],
        "t.revision is not null",
    ),
    Table(
        "details of orders",
        "order_details",
        "t.shop, t.order_id, t.type, t.name, t.told, t.stage, t.at, cast(t.body as text) as body",
        ("shop", "order_id", "type", "name"),
        lambda r: [
            (("detail", r.shop, r.order_id, r.type, r.name), detail(r.stage, r.at, orjson.loads(r.body))),
            *(
                (("stage", r.shop, r.order_id, r.type, r.name, str(stage)), None)
                for stage in range(r.told.bit_length())
                if r.told >> stage & 1
            ),
        ],
    ),
    Table(
        "numbers of completed orders",
        "completed_orders",
        "t.shop, t.order_id, t.sequence",
        ("shop", "order_id"),
        lambda r: [(("sequence", r.shop, r.order_id), digest(r.sequence))],
    ),
    Table(
        "products",
        "products",
        "t.shop, t.sku, t.revision, t.numbered, t.at, cast(t.body as text) as body",
        ("shop", "sku"),
        lambda r: [
            (("product", r.shop, r.sku), digest(r.revision, r.numbered, rfc3339(r.at), orjson.loads(r.body))),
        ],
    ),
    Table(
        "counts of visits",
        "visits",
        "t.shop, t.hour, t.source, t.counted_by, t.visits, t.revision",
        ("shop", "hour", "source", "counted_by"),
        lambda r: [(("visits", r.shop, rfc3339(r.hour), r.source, r.counted_by), digest(r.visits, r.revision))],
    ),
    Table(
        "ways to orders",
        "journeys",
        "t.shop, t.order_id, t.customer, t.placed_at, t.revision, t.silent, t.decision_seconds, t.compared_items,"
        " t.reviews_viewed, t.chats, t.chat_seconds",
        ("shop", "order_id"),
        lambda r: [(("journey", r.shop, r.order_id), journey(r.customer, r.placed_at, dict(r._mapping)))],
        "t.revision > 0",
    ),
    Table(
        "merges",
        "merges",
        "t.shop, t.absorbed, t.sequence, t.survivor, t.undone, t.at",
        ("shop", "absorbed", "sequence"),
        lambda r: [
            (("merge", r.shop, r.absorbed, str(r.sequence)), digest(r.survivor, r.undone, rfc3339(r.at))),
        ],
    ),
    Table(
        "refunds",
        "refunds",
        "t.shop, t.refund_id, t.customer, t.order_id, t.amount, t.freight, t.currency, t.at, t.source, t.event_id,"
        " t.said",
        ("shop", "refund_id"),
        lambda r: [
            (("refund owner", r.shop, r.refund_id), digest(r.customer)),
            (
                ("refund", r.shop, r.refund_id),
                digest(r.source, r.event_id, rfc3339(r.at), r.order_id, r.amount, r.freight, r.currency, r.said),
            ),
        ],
        "t.state = 'counted'",
    ),
    Table(
        "profiles",
        "profiles",
        "t.shop, t.customer, t.revision, t.numbered, t.registered_at, t.changed_at, cast(t.body as text) as body",
        ("shop", "customer"),
        lambda r: [
            (("registered", r.shop, r.customer), digest(rfc3339(r.registered_at))),
            (
                ("profile", r.shop, r.customer),
                digest(r.revision, r.numbered, rfc3339(r.changed_at), orjson.loads(r.body)),
            ),
        ],
    ),
    Table(
        "consents",
        "consents",
        "t.shop, t.customer, t.channel, t.purpose, t.granted, t.at, t.source",
        ("shop", "customer", "channel", "purpose"),
        lambda r: [(("consent", r.shop, r.customer, r.channel, r.purpose), digest(r.granted, rfc3339(r.at), r.source))],
    ),
    Appended(
        "archived events",
        "archive",
        "t.shop, t.order_id, t.source, t.id, t.at",
        ("shop", "source", "id"),
        lambda r: [(("archived", r.shop, r.source, r.id), digest(r.order_id, rfc3339(r.at)))],
    ),
    Table(
        "claims",
        "inbox",
        "t.key",
        ("key",),
        lambda r: [(("claim", str(r.key)), None)],
    ),
    Table(
        "customer keys",
        "customer_keys",
        "t.shop, t.customer, t.key_id, t.wrapped, t.erased_at",
        ("shop", "customer"),
        lambda r: [
            (("customer key", r.shop, r.customer), digest(r.key_id, r.wrapped, r.erased_at and rfc3339(r.erased_at)))
        ],
    ),
    Table(
        "settings",
        "shop_settings",
        "t.shop, t.version, t.valid_from, cast(t.body as text) as body",
        ("shop", "version"),
        lambda r: [(("settings", r.shop, str(r.version)), _settings(r.valid_from, orjson.loads(r.body)))],
    ),
    Table(
        "API keys",
        "api_keys",
        "t.prefix, t.hash, t.shop, t.scopes, t.name, t.expires_at, t.revoked_at",
        ("prefix",),
        lambda r: [
            (
                ("API key", r.prefix),
                digest(bytes(r.hash).hex(), r.shop, list(r.scopes), r.name, r.expires_at and rfc3339(r.expires_at)),
            ),
            *([(("revoked", r.prefix), None)] if r.revoked_at else []),
        ],
    ),
)

# Refunds that are not counted; by their own small index.
WAITING = partial(
    pages_of,
    table="refunds",
    columns="t.shop, t.refund_id, t.state, t.customer, t.order_id, t.amount, t.freight, t.currency, t.at, t.source,"
    " t.event_id, t.body",
    key=("shop", "refund_id"),
    where="t.state <> 'counted'",
)
# Events of refunds that another event brought anew.
REPLACED = partial(
    pages_of,
    table="replaced_refunds",
    columns="t.shop, t.source, t.event_id",
    key=("shop", "source", "event_id"),
)
# Imports, with the rows and refusals that they have.
IMPORTS = partial(
    pages_of,
    table="import_jobs",
    columns="t.shop, t.job_id, t.state, t.staged, t.accepted, t.duplicates, t.refused,"
    " (select count(*) from import_rows r where r.shop = t.shop and r.job_id = t.job_id) as left_over,"
    " (select count(*) from import_refusals r where r.shop = t.shop and r.job_id = t.job_id) as refusals",
    key=("shop", "job_id"),
    limit=JOBS,
)


def _settings(valid_from: Any, body: dict[str, Any]) -> bytes:
    return digest(rfc3339(valid_from), body.get("name"), body["zone"], body["currency"])


async def verify(run: Verification) -> None:
    """Compare every table with the topics, refunds that wait with their own sealed bodies, imports with their rows."""
    await compare(run, TOPICS, expectations, TABLES, MISSING, partial(_waiting, run), personal=ERASED)
    await _compare_waiting(run, Vault(KeyRing(run.master)))
    await _compare_imports(run)
    await compare_signs(run)


async def _waiting(run: Verification) -> AsyncIterator[list[Expectation]]:
    """Claims of refunds that were not announced, and maybe never will be; and of those that another event brought."""
    for pages in (WAITING(run), REPLACED(run)):
        async for rows in pages:
            yield [Expectation(("claim", str(key_of((r.shop, r.source, r.event_id)))), b"") for r in rows]


async def _compare_waiting(run: Verification, vault: Vault) -> None:
    async for rows in WAITING(run):
        for row in rows:
            if not _as_it_came(vault, row):
                run.differ(f"{row.shop}/{row.refund_id}: its row in refunds ({row.state}) is not as the refund came")
        run.count("refunds that wait", len(rows))


def _as_it_came(vault: Vault, row: Any) -> bool:
    try:
        event = decode(vault.open(place_of(row.shop, row.refund_id), bytes(row.body)))
    except (SealBroken, InvalidEvent, TypeError):
        return False
    data = event.data
    came = (
        event.shop,
        event.subject or "",
        event.source,
        event.id,
        event.time,
        data.refund_id,
        data.order_id,
        data.amount,
        data.freight,
        data.currency,
    )
    kept = (
        row.shop,
        row.customer,
        row.source,
        row.event_id,
        row.at,
        row.refund_id,
        row.order_id,
        row.amount,
        row.freight,
        row.currency,
    )
    return came == kept


async def _compare_imports(run: Verification) -> None:
    """What was staged of a file is left over, was accepted, was there before, or is among the refusals."""
    async for rows in IMPORTS(run):
        for row in rows:
            name = f"{row.shop}/{row.job_id}"
            taken, most = row.accepted + row.duplicates, row.staged - row.left_over
            if row.refusals != row.refused:
                run.differ(f"{name}: {row.refused} lines of the import were refused, {row.refusals} are kept")
            if not 0 <= most - taken <= row.refused:
                run.differ(f"{name}: of {row.staged} events {row.left_over} are left over, {taken} were taken")
            if row.state == "done" and row.left_over:
                run.differ(f"{name}: the import is done, and {row.left_over} events are left over")
        run.count("imports", len(rows))
