"""The command `verify`: all that was decided and sent follows from the stored inputs, and was announced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from common.events import CustomerKey, rfc3339
from common.storage.database import Transaction
from common.time.clock import FixedClock
from common.verification import Customers, Row, Table, Verification, compare, digest
from messaging.flows.store_versions import get_books
from messaging.halts.store import get_halts
from messaging.parcels.document import ParcelPlan
from messaging.policy.state import DEFAULT_POLICY
from messaging.policy.store import POLICIES as VERSIONS
from messaging.verification.differences import differences
from messaging.verification.expected import (
    MISSING,
    call,
    campaign,
    entered_of,
    expectations,
    facts_of,
    flow,
    member,
    moves_of,
    policy,
    statement,
    template,
)
from messaging.verification.state import History
from messaging.verification.store import get_histories

TOPICS = ("messages", "customers")


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[History]:
    shops = {shop for shop, _ in keys}
    policies = {
        shop: {0: DEFAULT_POLICY, **{version.number: version.body for version in versions}}
        for shop, versions in (await VERSIONS.read(tx, shops)).items()
    }
    books = await get_books(tx, shops)
    return await get_histories(
        tx, keys, policies, books, await get_halts(tx, shops), replay=isinstance(tx.clock, FixedClock)
    )


def _row(history: History) -> Row:
    return history.customer, [
        *facts_of(history),
        *moves_of(history),
        *entered_of(history),
        *(statement(history.customer, s) for _, s in history.statements),
    ]


def _counted(history: History) -> Mapping[str, int]:
    return {"decisions": len(history.decisions), "messages": len(history.messages)}


CUSTOMERS = Customers(
    "messaging",
    ("candidates", "decisions", "messages", "permissions", "flow_runs", "flow_moves"),
    _read,
    differences,
    _row,
    _counted,
)
POLICIES = Table(
    "policies",
    "policies",
    "t.shop, t.version, t.at, cast(t.policy as text) as policy, t.withdrawn_at is not null as withdrawn",
    ("shop", "version"),
    lambda r: [
        (("policy", r.shop, str(r.version)), policy(r.at, orjson.loads(r.policy))),
        *([(("withdrawal", r.shop, str(r.version)), b"")] if r.withdrawn else []),
    ],
)


FLOWS = Table(
    "flows",
    "flow_versions",
    "t.shop, t.version, t.at, cast(t.document as text) as document",
    ("shop", "version"),
    lambda r: [(("flow", r.shop, str(r.version)), flow(r.at, orjson.loads(r.document)))],
)


def _with_document(row: Any) -> dict[str, Any]:
    return {**row._mapping, "document": orjson.loads(row.document)}


TEMPLATES = Table(
    "templates",
    "template_versions",
    "t.shop, t.version, t.at, cast(t.document as text) as document, t.author, t.approved_by",
    ("shop", "version"),
    lambda r: [(("template", r.shop, str(r.version)), template(r.at, _with_document(r)))],
)
CAMPAIGNS = Table(
    "campaigns",
    "campaign_versions",
    "t.shop, t.version, t.at, cast(t.document as text) as document, t.state, t.reason, t.by",
    ("shop", "version"),
    lambda r: [(("campaign", r.shop, str(r.version)), campaign(r.at, _with_document(r)))],
)
MEMBERS = Table(
    "campaign members",
    "campaign_members",
    "t.shop, t.campaign, t.customer, t.arm, t.at",
    ("shop", "campaign", "customer"),
    lambda r: [(("member", r.shop, r.campaign, r.customer), member(r.arm, r.at))],
)


CALLS = Table(
    "calls",
    "calls",
    "t.shop, t.customer, t.message_id, t.number, t.at, t.outcome, t.by, t.again_at",
    ("shop", "customer", "message_id", "number"),
    lambda r: [
        (
            ("call", r.shop, r.customer, r.message_id, str(r.number)),
            call(r.outcome, r.by, r.at, rfc3339(r.again_at) if r.again_at is not None else None),
        )
    ],
)


PARCELS = Table(
    "parcels",
    "parcels",
    "t.shop, t.customer, t.order_id, t.version, t.gift, t.show_price, t.at",
    ("shop", "customer", "order_id"),
    lambda r: [
        (("parcel", r.shop, r.customer, r.order_id), digest(r.version, r.gift, r.show_price, rfc3339(r.at))),
    ],
)
INSERTS = Table(
    "inserts of parcels",
    "parcel_inserts",
    "t.shop, t.customer, t.order_id, t.insert, t.place, t.version, t.at",
    ("shop", "customer", "order_id", "insert"),
    lambda r: [
        (("insert", r.shop, r.customer, r.order_id, r.insert), digest(r.place, r.version, rfc3339(r.at))),
    ],
)
SCANS = Table(
    "scans of inserts",
    "insert_scans",
    "t.shop, t.customer, t.order_id, t.insert, t.at",
    ("shop", "customer", "order_id", "insert"),
    lambda r: [(("scan", r.shop, r.customer, r.order_id, r.insert), digest(rfc3339(r.at)))],
)
PARCEL_PLANS = Table(
    "parcel plans",
    "parcel_plans",
    "t.shop, t.version, t.at, cast(t.document as text) as document",
    ("shop", "version"),
    lambda r: [
        (
            ("parcel_plan", r.shop, str(r.version)),
            digest(rfc3339(r.at), ParcelPlan.model_validate_json(r.document).model_dump(mode="json")),
        )
    ],
)


async def verify(run: Verification) -> None:
    """Check every customer's decisions anew; compare facts, permissions and policies with what was announced."""
    await compare(
        run,
        TOPICS,
        expectations,
        (CUSTOMERS, POLICIES, FLOWS, TEMPLATES, CAMPAIGNS, MEMBERS, CALLS, PARCELS, INSERTS, SCANS, PARCEL_PLANS),
        MISSING,
        inputs=("customers",),
    )
