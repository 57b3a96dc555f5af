"""Compares the tables of two replays of one history: writes each as sorted lines, and counts the differences.

Set aside: insertion times, sequence numbers, keys, nonces, tokens and trace ids; ciphertext is compared by
a hash of what it says, so that nobody's name or address is written down.
Inboxes are compared without their hashes: orders-ingest's are keyed by the installation, the others' are of ciphertext,
as random as its nonces.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from common.bus.inbox import key_of
from common.crypto.master import MasterKeys
from common.crypto.sealing import SealBroken, open_sealed
from common.events import EVENTS
from common.events.activity import Activity
from common.storage.migrate import driver_url
from regulars.sorting import SortedFile, count_differences
from regulars.stack.state import StackState

ASIDE = re.compile(
    r"^(recorded_at|created_at|applied_at|published_at|updated_at|seq|.*lease.*|.*token.*|key_id|wrapped|dead_id|worker|"
    r"traceparent|attempt_id|finished_at|next_try_at|slot|hash|claimed)$"
)
_KEY_FACTS = (
    "select shop, id, cast(payload as json) ->> 'source' as source from outbox where aggregatetype = 'customer-keys'"
)
TABLES_ASIDE = {
    *(
        "schema_migrations",
        "offsets",
        "api_keys",
        "clock",
        "cluster",
        "master_key",
        "customer_keys",
        "tallies",
        "traces",
    ),
}
"""Tallies are kept in parts by connection; and what was refused differs where something was sent once more."""
_KEYED = re.compile(r"[0-9a-f]{32}")
"""Of an address, by which messaging's caps count."""
_SIGNED = re.compile(r"http://[^\"\s]+")


TABLES_OF_REBUILDS = TABLES_ASIDE | {
    *("inbox", "forgotten", "outbox", "republishing", "rebuilding", "rebuilding_until", "rebuilt_facts"),
    *("announced_facts", "ledger_entries", "ledger_tallies"),
    *("behaviour_days", "liability_months", "liability_totals", "said_days", "said_marks"),
    *("products", "product_models", "mailboxes"),
    *("customer_values", "late_orders", "monthly_flows", "monthly_flow_walks", "segment_dues"),
}
"""Of a rebuild: what a service does by itself, the books of what was known when, of which sums are compared, signs
of behaviour, of which each keeps sixty days by its own clock, how far mailboxes were read, and what is counted anew by
sweeps, when texts were read, an hour is over or customers are looked at for their segments: a rebuilt service counts it
in its first round of sweeps."""
COLUMNS_OF_REBUILDS = frozenset(
    {
        *(("customers", "done_until"), ("permissions", "address_known_at"), ("addresses_forgotten", "at")),
        *(("orders", "due_at"), ("journeys", "due_at")),
        *(("customers", "merged_state"), ("customers", "once_merged"), ("merges", "number")),
        *(("erasure_confirmations", "at"), ("typings", "from_at"), ("typings", "after"), ("value_fits", "valued")),
        *(("segment_definitions", "compared"),),
        *(("campaigns", "watched_at"), ("campaigns", "total"), ("flow_days", "done")),
        *(("readings", name) for name in ("reader", "sentiment", "liked", "mentioned", "disliked")),
        *(("readings", name) for name in ("signals", "expectation")),
    }
)
"""The latest due that was done: late news may have made undone what the live service had done before it came. When an
address became known here, and when one was forgotten last. When something of an order falls due: the first sweep of the
rebuilt service looks at all of it once more. What was announced last of who was absorbed, and who was ever: a rebuild
may read of a merge and its undoing at once. When a confirmation was learnt. Since when customers are typed and up to
whom, up to whom they are valued by a fit, and compared with a segment: stays and types are read back, and all looked at
anew when the rebuilt service begins.
When a campaign was last looked after, how many it was to look at when it began, and that a day has no more to begin.
What was understood of texts: the rebuilt service reads them in its first rounds of sweeps."""
CHUNK = 5_000
"""Rows that are read at a time."""
ACTIVITIES = sorted(kind for kind, data in EVENTS.items() if issubclass(data, Activity))
COLUMNS_BY_ACTIVITY = {("customers", name) for name in ("inputs", "last_time", "last_rank", "last_source", "last_id")}
"""Of segmentation: which activities are inputs depends on the order in which they and the orders come, and changes
nothing of what is made of them (docs/decisions/0011)."""
HASHES_OF_REBUILDS = frozenset({"address"})
"""Keyed by the installation, which both databases are of. Which one an erased customer had, nobody can say again."""
_MERGED = (
    "select shop, customer from customers where merged_into <> all($1)"
    " union all select shop, merged_into from customers where merged_into <> all($1)"
)
"""Who was absorbed, and who has absorbed somebody."""
_SUMS = {
    "ledger_entries": "select shop, customer, account, earned_by, sum(amount) as amount from ledger_legs"
    " group by shop, customer, account, earned_by having sum(amount) <> 0",
}


async def compare_rebuilt(name: str, live: str, rebuilt: str, masters: MasterKeys, folder: Path) -> dict[str, int]:
    """Rows by table in which the rebuilt database of a service differs from the live one; both written to `folder`.

    `live` and `rebuilt` are addresses; `folder` gets `live` and `rebuilt`, see `dump`.
    """
    shutil.rmtree(folder, ignore_errors=True)  # of another comparison
    folder.mkdir(mode=0o700, parents=True)
    without, rows = set(COLUMNS_OF_REBUILDS), dict[str, tuple[str, list[str]]]()
    if name == "segmentation":
        without |= COLUMNS_BY_ACTIVITY
        rows["history"] = "type <> all($1)", ACTIVITIES
    if name == "feedback":
        # Whether somebody who is asked under another identifier is passed over shows when the question falls due.
        rows["usage_questions"] = f"(shop, customer) not in ({_MERGED})", [""]
    if name == "orders-ingest":
        # A way that was not measured yet was never announced: after a rebuild it is not measured any more.
        rows["journeys"] = "cast(revision as text) <> all($1)", ["0"]
    for place, url in (("live", live), ("rebuilt", rebuilt)):
        (folder / place).mkdir()
        connection = await asyncpg.connect(driver_url(url))
        try:
            aside = TABLES_OF_REBUILDS - {"customer_keys"}
            if place == "live":
                # Dead events of those alone that the live service reads; a rebuild reads its own topics too.
                read = [row["topic"] for row in await connection.fetch("select distinct topic from offsets")]
                rows["dead_events"] = "topic = any($1)", read
            await _dump_service(
                connection,
                name,
                masters,
                frozenset(),
                folder / place,
                aside=aside,
                without=without,
                hashes=HASHES_OF_REBUILDS,
                rows=rows,
            )
            for table, sums in _SUMS.items():
                if await connection.fetchval("select to_regclass($1) is not null", table):
                    await _write(connection, sums, [], folder / place / f"{name}.{table}.txt")
        finally:
            await connection.close()
    return differences(folder / "live", folder / "rebuilt")


def master_keys(settings: Mapping[str, str]) -> MasterKeys:
    """The master keys of a process with these settings."""
    return MasterKeys.from_settings(settings["MASTER_KEY"], settings.get("MASTER_KEYS"), settings.get("MASTER_KEY_ID"))


async def dump(state: StackState, folder: Path) -> None:
    """Write `<service>.<table>.txt` for every table of every service, one sorted line a row."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: set[str] = set()
    connections = {
        name: await asyncpg.connect(driver_url(settings["DATABASE_URL"])) for name, settings in state.services.items()
    }
    try:
        for connection in connections.values():
            # A key is drawn anew in every run, and the fact that brings it is named after it.
            for row in await connection.fetch(_KEY_FACTS):
                drawn |= {row["id"], str(key_of((row["shop"], row["source"], row["id"])))}
        for name, connection in connections.items():
            await _dump_service(connection, name, master_keys(state.services[name]), frozenset(drawn), folder)
    finally:
        for connection in connections.values():
            await connection.close()


async def _dump_service(
    connection: asyncpg.Connection,
    name: str,
    masters: MasterKeys,
    drawn: frozenset[str],
    folder: Path,
    *,
    aside: Collection[str] = TABLES_ASIDE,
    without: Collection[tuple[str, str]] = (),
    hashes: Collection[str] = (),
    rows: Mapping[str, tuple[str, list[str]]] | None = None,
) -> None:
    """`rows`: of a table those alone that meet this condition of a list, $1."""
    tables = await connection.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') "
        "and not relispartition"
    )
    for (table,) in tables:
        if table in aside:
            continue
        columns = await connection.fetch(
            "select column_name, data_type, is_identity from information_schema.columns "
            "where table_schema = 'public' and table_name = $1 order by ordinal_position",
            table,
        )
        chosen = [
            c["column_name"]
            for c in columns
            if not ASIDE.match(c["column_name"])
            and (table, c["column_name"]) not in without
            and c["is_identity"] == "NO"
            and (c["data_type"] != "bytea" or c["column_name"] in hashes)
        ]
        quoted = ", ".join(f'"{c}"' for c in chosen)
        condition, *values = (rows or {}).get(table, ("true",))
        query = f'select {quoted} from "{table}" where {condition}'
        await _write(connection, query, values, folder / f"{name}.{table}.txt", masters, drawn)


async def _write(
    connection: asyncpg.Connection,
    query: str,
    values: Sequence[object],
    file: Path,
    masters: MasterKeys | None = None,
    drawn: frozenset[str] = frozenset(),
) -> None:
    """Write the rows as sorted lines, in bounded memory; without `masters` they hold nothing that is sealed."""
    lines = SortedFile(file)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        cursor = await connection.cursor(query, *values)
        while found := await cursor.fetch(CHUNK):
            rows = [dict(row) for row in found]
            keys = {} if masters is None else await _keys(connection, masters, {_customer_of(row) for row in rows})
            lines.add(_line(row, keys, drawn) for row in rows)
    lines.close()


async def _keys(
    connection: asyncpg.Connection, masters: MasterKeys, customers: Collection[tuple[str, str]]
) -> dict[tuple[str, str], bytes]:
    """The data keys of these customers, (shop, customer), who have one."""
    found = await connection.fetch(
        "select k.shop, k.customer, k.wrapped from customer_keys k join unnest($1::text[], $2::text[]) as w(shop, name)"
        " on k.shop = w.shop and k.customer = w.name where k.wrapped is not null",
        [shop for shop, _ in customers],
        [customer for _, customer in customers],
    )
    return {
        (row["shop"], row["customer"]): masters.unwrap(row["wrapped"], row["shop"], row["customer"]) for row in found
    }


def _customer_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """(shop, customer) of a row, by its own column or by the key of the fact that it holds."""
    customer = row.get("customer") or str(row.get("aggregateid") or "/").partition("/")[2]
    return str(row.get("shop")), str(customer)


def _line(row: dict[str, Any], keys: Mapping[tuple[str, str], bytes], drawn: frozenset[str]) -> str:
    shop, customer = _customer_of(row)
    sealed = _Sealed(keys.get((shop, customer)), shop, customer, drawn)
    # A table of addresses says in a column of which field each of them is.
    fields = {name: str(row["field"]) if name == "sealed" and "field" in row else name for name in row}
    return json.dumps(
        {name: sealed.opened(value, fields[name]) for name, value in row.items()},
        default=str,
        ensure_ascii=False,
        sort_keys=True,
    )


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What is needed to read one customer's values; `drawn` are the names of facts that bring keys."""

    key: bytes | None
    shop: str
    customer: str
    drawn: frozenset[str]

    def opened(self, value: Any, field: str) -> Any:
        """The value as it is to be compared: JSON parsed, ciphertext opened, drawn names and signed addresses aside."""
        if isinstance(value, bytes):
            return "a hash, and no key" if self.key is None and self.customer else value.hex()
        if isinstance(value, UUID):
            value = str(value)
        if isinstance(value, dict):
            return {k: self.opened(v, k) for k, v in value.items() if not ASIDE.match(k)}
        if isinstance(value, list):
            return [self.opened(v, field) for v in value]
        if not isinstance(value, str):
            return value
        if value in self.drawn:
            return "named after a key"
        if _KEYED.fullmatch(value):
            return "a keyed hash"
        if value.startswith(("{", "[")):
            try:
                return self.opened(json.loads(value), field)
            except ValueError:
                return value
        if value.startswith("enc:v1:"):
            if self.key is None:
                return "sealed, and no key"
            try:
                opened = open_sealed(value, self.key, self.shop, self.customer, field)
            except SealBroken:
                return "sealed, and does not open"
            # Two replays draw other keys, so it is of the text alone.
            return f"sealed, hash {hashlib.blake2b(opened.encode(), digest_size=16).hexdigest()}"
        return _SIGNED.sub("http://", value)


def differences(one: Path, other: Path) -> dict[str, int]:
    """Rows per table that stand in one dump and not in the other; tables without any are listed with 0."""
    found = {}
    for name in sorted({p.name for p in one.glob("*.txt")} | {p.name for p in other.glob("*.txt")}):
        found[name.removesuffix(".txt")] = count_differences(one / name, other / name)
    return found
