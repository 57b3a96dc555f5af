"""Compares the tables of two replays of one history: writes each as sorted lines, and counts the differences.

Set aside: insertion times, sequence numbers, keys, nonces, tokens and trace ids; ciphertext
is compared decrypted. Bodies kept as encrypted bytes are compared by the hash of what they were (orders-ingest's
inbox); the other services' inboxes hold hashes of ciphertext, as random as its nonces, and are compared without.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from common.crypto.sealing import open_sealed, unwrap
from common.storage.migrate import driver_url
from regulars.stack.state import StackState

ASIDE = re.compile(
    r"^(recorded_at|created_at|applied_at|published_at|updated_at|seq|.*lease.*|.*token.*|key_id|wrapped|dead_id|worker|"
    r"traceparent|attempt_id|finished_at|next_try_at)$"
)
HASHED_BEFORE_ENCRYPTION = "orders-ingest"
_KEY_FACTS = "select id from outbox where aggregatetype = 'customer-keys'"
TABLES_ASIDE = {"schema_migrations", "offsets", "api_keys", "clock", "cluster", "customer_keys"}
_SIGNED = re.compile(r"http://[^\"\s]+")


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
            drawn.update(row["id"] for row in await connection.fetch(_KEY_FACTS))
        for name, connection in connections.items():
            await _dump_service(connection, name, state.services[name]["MASTER_KEY"], frozenset(drawn), folder)
    finally:
        for connection in connections.values():
            await connection.close()


async def _dump_service(
    connection: asyncpg.Connection, name: str, master: str, drawn: frozenset[str], folder: Path
) -> None:
    keys: dict[tuple[str, str], bytes] = {}
    for row in await connection.fetch("select shop, customer, wrapped from customer_keys where wrapped is not null"):
        keys[(row["shop"], row["customer"])] = unwrap(
            base64.b64decode(master), row["wrapped"], row["shop"], row["customer"]
        )
    tables = await connection.fetch(
        "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    for (table,) in tables:
        if table in TABLES_ASIDE:
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
            and c["is_identity"] == "NO"
            and (c["data_type"] != "bytea" or (c["column_name"] == "hash" and name == HASHED_BEFORE_ENCRYPTION))
        ]
        quoted = ", ".join(f'"{c}"' for c in chosen)
        lines = []
        for row in await connection.fetch(f'select {quoted} from "{table}"'):
            lines.append(_line(dict(row), keys, drawn))
        (folder / f"{name}.{table}.txt").write_text("\n".join(sorted(lines)) + "\n", "utf-8")


def _line(row: dict[str, Any], keys: dict[tuple[str, str], bytes], drawn: frozenset[str]) -> str:
    shop = row.get("shop")
    customer = row.get("customer") or str(row.get("aggregateid") or "/").partition("/")[2]
    key = keys.get((str(shop), str(customer)))
    sealed = _Sealed(key, str(shop), str(customer), drawn)
    return json.dumps(
        {name: sealed.opened(value, name) for name, value in row.items()},
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
            return value.hex()
        if isinstance(value, dict):
            return {k: self.opened(v, k) for k, v in value.items() if not ASIDE.match(k)}
        if isinstance(value, list):
            return [self.opened(v, field) for v in value]
        if not isinstance(value, str):
            return value
        if value in self.drawn:
            return "named after a key"
        if value.startswith(("{", "[")):
            try:
                return self.opened(json.loads(value), field)
            except ValueError:
                return value
        if value.startswith("enc:v1:"):
            if self.key is None:
                return "sealed, and no key"
            return open_sealed(value, self.key, self.shop, self.customer, field)
        return _SIGNED.sub("http://", value)


def differences(one: Path, other: Path) -> dict[str, int]:
    """Rows per table that stand in one dump and not in the other; tables without any are listed with 0."""
    found = {}
    for name in sorted({p.name for p in one.glob("*.txt")} | {p.name for p in other.glob("*.txt")}):
        rows = [Counter(_lines(folder / name)) for folder in (one, other)]
        found[name.removesuffix(".txt")] = (rows[0] - rows[1]).total() + (rows[1] - rows[0]).total()
    return found


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text("utf-8").splitlines() if line] if file.exists() else []
