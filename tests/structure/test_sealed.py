"""Whatever the master key seals in a table is sealed anew when the key is replaced (S6)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import feedback.main
import membership.main
import messaging.main
import orders_ingest.main
import segmentation.main
from common.crypto.sealed import SealedColumn, head
from common.process.runtime import build_runtime
from common.process.settings import Settings
from common.storage.database import Database
from common.time.clock import WallClock
from regulars.testing import MigratedDatabase

ROOT = Path(__file__).parents[2]
MODULES = (orders_ingest.main, membership.main, segmentation.main, messaging.main, feedback.main)
HASH, MARK = "a keyed hash", "derived of the founding key, which stays"
_ADDRESSES = ("contact_addresses", "bounces", "permissions", "messages", "pauses", "call_claims")
NOT_SEALED: dict[str, dict[str, str]] = {
    "common": {"api_keys.hash": HASH, "master_key.mark": MARK},
    "orders-ingest": {
        "import_jobs.copied_hash": HASH,
        "import_rows.original": HASH,
        "import_parts.hash": HASH,
        "recognised_by.hash": HASH,
    },
    "messaging": {f"{table}.address": HASH for table in _ADDRESSES}
    | {"messages.sent_to": HASH, "personal_dates.day": HASH},
    "feedback": {"claim_photos.photo": HASH, "sentiment_models.model": "weights of words"},
}
"""Columns of bytes that the master key does not seal."""
SEALING = {
    "libs/common/src/common/process/runtime.py",
    *(
        f"services/orders-ingest/src/orders_ingest/{file}.py"
        for file in (
            *("archive/store", "archive/vault", "commands/erase_customer", "commands/share_customers"),
            *("imports/staging", "imports/uploads", "jobs/erasing", "reconciliation/store_lists"),
            *("refunds/store", "webhooks/store"),
        )
    ),
}
"""Files that seal with the master key. What a new one seals is a line of `orders_ingest.jobs.keys.SEALED` first: bytes
are found by the test below, and what is kept otherwise by none."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.SERVICE.name))
async def test_each_column_of_bytes_is_sealed_anew_or_not_sealed(
    module: object, database_from: MigratedDatabase
) -> None:
    """S6: and what there may be many rows of is found by an index."""
    service = module.SERVICE  # type: ignore[attr-defined]
    settings = Settings(
        database_url=await database_from(service.migrations),
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",  # type: ignore[arg-type]
    )
    kinds = [kind for kind in build_runtime(service, settings).sealed if isinstance(kind, SealedColumn)]
    database = Database(settings.database_url, clock=WallClock())
    async with database.transaction() as tx:
        rows = await tx.fetch(
            """
            select table_name || '.' || column_name as name from information_schema.columns
            where table_schema = 'public' and data_type = 'bytea' order by 1
            """
        )
        await tx.execute("set local enable_seqscan = off")
        unindexed = set[str]()
        for kind in kinds:
            plan = await tx.fetch(
                f"explain select from {kind.table} where {head(kind.column)} = 'key:x' and {kind.column} is not null"
            )
            if not any("_sealed" in str(line) for line in plan):
                unindexed.add(kind.table)
    await database.close()
    found, known = {row.name for row in rows}, NOT_SEALED["common"].keys() | NOT_SEALED.get(service.name, {}).keys()
    assert found - known == {kind.name for kind in kinds}, "seal it anew (`Service.sealed`), or say what it is"
    assert known <= found, "these are gone: take them off the list"
    assert unindexed <= {"import_rows", "import_parts", "sharing_partners", "erasures"}


def test_files_that_seal_with_the_master_key_are_known() -> None:
    """S6."""
    found = set[str]()
    for folder in (*ROOT.glob("libs/*/src"), *ROOT.glob("services/*/src")):
        for file in folder.rglob("*.py"):
            calls = (n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Call))
            if any(_seals(call.func) for call in calls):
                found.add(file.relative_to(ROOT).as_posix())
    assert found - {"libs/common/src/common/crypto/master.py", "libs/common/src/common/crypto/sealing.py"} == SEALING


def _seals(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr in {"seal", "seal_line"} and _of(called.value) != "sealing"


def _of(value: ast.expr) -> str:
    return value.id if isinstance(value, ast.Name) else ""
