"""Whatever a service keeps of a customer is in the export, page by page, or is named here with the reason (SEC-006)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.crypto.erasing import WITHOUT, tables_of_customers
from common.storage.database import Database
from common.time.clock import FixedClock
from regulars.stack.services import SERVICES
from regulars.testing import MigratedDatabase

ROOT = Path(__file__).parents[2]
NAMES = [each.name for each in SERVICES]
MACHINERY, SHOPS_OWN, TOTALS = "how far work has come", "what the shop has set", "sums in which nobody is told apart"
HASHES = "keyed hashes, of which nothing can be read"
LEFT_OUT: dict[str, dict[str, str]] = {
    "common": {
        "announced_facts": MACHINERY,
        "api_keys": "of programs",
        "clock": MACHINERY,
        "cluster": MACHINERY,
        "customer_keys": "the key that opens the texts, and no text",
        "forgotten": MACHINERY,
        "imports_under_way": MACHINERY,
        "inbox": HASHES,
        "master_key": MACHINERY,
        "offsets": MACHINERY,
        "outbox": "what tables hold, on its way to a topic",
        "rebuilding": MACHINERY,
        "rebuilding_until": MACHINERY,
        "rebuilt_facts": MACHINERY,
        "republishing": MACHINERY,
        "schema_migrations": MACHINERY,
        "settings": SHOPS_OWN,
        "shop_settings": SHOPS_OWN,
        "traces": MACHINERY,
    },
    "orders-ingest": {
        "archive": "of orders of nobody, without personal fields",
        "import_jobs": "of files",
        "import_parts": "a file that is being sent",
        "import_refusals": "lines that could not be taken: whose they are is known when they have been mended",
        "import_rows": "a file that is being taken: an hour later it is where the rest is",
        "import_uploads": "of files",
        "products": SHOPS_OWN,
        "reconciled_orders": MACHINERY,
        "reconciliation_findings": "how an order in the shop's list differed from the one that is exported",
        "reconciliations": MACHINERY,
        "replaced_refunds": MACHINERY,
        "share_files": "names no customer (SEC-007)",
        "shares": "names no customer (SEC-007)",
        "sharing_partners": "names no customer (SEC-007)",
        "tallies": TOTALS,
        "visits": TOTALS,
    },
    "membership": {
        "activities": SHOPS_OWN,
        "communities": SHOPS_OWN,
        "joint_campaigns": SHOPS_OWN,
        "joint_deliveries": "names no customer",
        "liability_months": TOTALS,
        "liability_totals": TOTALS,
        "offers": SHOPS_OWN,
        "programmes": SHOPS_OWN,
        "refolds": MACHINERY,
        "surprise_months": TOTALS,
    },
    "segmentation": {
        "anonymous_orders": "of nobody",
        "anonymous_refunds": "of nobody",
        "churn_fits": TOTALS,
        "goals": SHOPS_OWN,
        "late_orders": MACHINERY,
        "monthly_flow_walks": MACHINERY,
        "monthly_flows": TOTALS,
        "product_models": TOTALS,
        "products": TOTALS,
        "reschedulings": MACHINERY,
        "segment_definitions": SHOPS_OWN,
        "shop_statistics": TOTALS,
        "statistics_portions": TOTALS,
        "thresholds": SHOPS_OWN,
        "typings": MACHINERY,
        "value_fits": TOTALS,
        "value_portions": "days of purchases of some, who are not named",
    },
    "messaging": {
        "addresses_forgotten": MACHINERY,
        "bounces": HASHES,
        "campaign_versions": SHOPS_OWN,
        "campaigns": SHOPS_OWN,
        "defined_offers": SHOPS_OWN,
        "defined_segments": SHOPS_OWN,
        "flow_days": MACHINERY,
        "flow_versions": SHOPS_OWN,
        "mailboxes": MACHINERY,
        "parcel_plans": SHOPS_OWN,
        "pauses": HASHES,
        "policies": SHOPS_OWN,
        "products": SHOPS_OWN,
        "template_versions": SHOPS_OWN,
    },
    "feedback": {
        "claim_photos": HASHES,
        "claim_prints": "fingerprints of photos, which are exported as files",
        "free_returns": SHOPS_OWN,
        "policies": SHOPS_OWN,
        "removed_photos": "names of files that are to be removed",
        "reward_grounds": "which review of the customer's a claim, that is exported, is about",
        "said_days": TOTALS,
        "said_marks": MACHINERY,
        "sentiment_models": "frequencies of words in all texts",
    },
}
"""Tables that hold nothing of a customer, or nothing that is given out, and why; a new table is exported or named."""
OTHER_NAMES = {"absorbed", "referrer", "referred", "friend", "invited_by"}
"""Columns that name a customer who is not the row's: these customers' export has them by a view."""
SEALED_WHOLE = {
    ("common", "dead_events", "body"): "an event that could not be taken: it is exported when it has been mended",
    ("orders-ingest", "erasures", "looked_for"): "gone within minutes",
    ("orders-ingest", "recognised_by", "hash"): HASHES,
    ("orders-ingest", "refunds", "body"): "a refund that waits for its order, as it came",
    ("messaging", "call_claims", "address"): HASHES,
    ("messaging", "contact_addresses", "address"): HASHES,
    ("messaging", "messages", "address"): HASHES,
    ("messaging", "messages", "sent_to"): HASHES,
    ("messaging", "permissions", "address"): HASHES,
    ("messaging", "personal_dates", "day"): HASHES,
}
"""Columns of bytes, which no export opens, and why they are none of it."""
_TABLES = """
select c.relname as name from pg_class c where c.relnamespace = current_schema()::regnamespace
and c.relkind in ('r', 'p') and not c.relispartition
"""
_COLUMNS = """
select c.relname as name, a.attname as column, format_type(a.atttypid, null) as type, a.attnotnull as needed
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
"""
_READ_BY = """
select distinct v.relname as view, t.relname as name, a.attname as column
from pg_depend d join pg_rewrite r on r.oid = d.objid join pg_class v on v.oid = r.ev_class
join pg_class t on t.oid = d.refobjid join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass
"""


@pytest.mark.parametrize("name", NAMES)
async def test_whatever_is_kept_of_a_customer_is_exported_or_named_as_left_out(
    database_from: MigratedDatabase, name: str
) -> None:
    clock = FixedClock(datetime(2026, 3, 5, tzinfo=UTC))
    db = Database(await database_from(ROOT / "services" / name / "migrations"), clock=clock, service=name)
    async with db.transaction() as tx:
        tables = {row.name for row in await tx.fetch(_TABLES)}
        columns = await tx.fetch(_COLUMNS)
        read = [tuple(row) for row in await tx.fetch(_READ_BY)]
        exported = {each.name: [column.strip('"') for column, _ in each.key] for each in await tables_of_customers(tx)}
    await db.close()
    by_views = {(table, column) for view, table, column in read if view in exported}
    left_out = {*LEFT_OUT["common"], *LEFT_OUT[name]}
    whole = {*exported, *(table for table, _ in by_views)}
    assert tables - whole - left_out == set(), "exported, or named above with the reason"
    assert left_out - tables == set(), "there is no such table"
    assert left_out & {*exported} == set(), "it is exported"
    assert {*WITHOUT} <= left_out
    named = {(c.name, c.column) for c in columns if c.column in OTHER_NAMES and c.name in whole}
    assert named - by_views == set(), "these customers have it by no view"
    sealed = {(c.name, c.column) for c in columns if c.type == "bytea" and c.name in exported}
    known = {(table, column) for service, table, column in SEALED_WHOLE if service in ("common", name)}
    assert sealed == known, "what is in bytes is not exported: why not?"
    needed = {(c.name, c.column) for c in columns if c.needed}
    for table, key in exported.items():
        if table in tables:
            assert {(table, column) for column in key} <= needed, "a page ends at a key of columns that are never null"
        else:
            assert key, "a view says by which columns its rows are told apart"
