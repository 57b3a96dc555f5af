"""Do two replays of one history give the same tables? Writes each table as sorted lines, and counts the differences.

Set aside (architecture.md section 3): insertion times, sequence numbers, keys, nonces, tokens and trace ids; ciphertext
is compared decrypted, and bodies kept as encrypted bytes by the hash of what they were (inbox).
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg

from common.crypto import open_sealed, unwrap
from common.migrate import driver_url
from regulars.stack.state import StackState

ASIDE = re.compile(
    r"^(recorded_at|created_at|applied_at|published_at|updated_at|seq|.*lease.*|.*token.*|key_id|wrapped|dead_id|worker|"
    r"traceparent|attempt_id)$"
)
TABLES_ASIDE = {"schema_migrations", "offsets", "api_keys", "clock", "cluster", "customer_keys"}
_SIGNED = re.compile(r"http://[^\"\s]+")


async def dump(state: StackState, folder: Path) -> None:
    """Write `<service>.<table>.txt` for every table of every service, one sorted line a row."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in state.services.items():
        connection = await asyncpg.connect(driver_url(settings["DATABASE_URL"]))
        try:
            await _dump_service(connection, name, settings["MASTER_KEY"], folder)
        finally:
            await connection.close()


async def _dump_service(connection: asyncpg.Connection, name: str, master: str, folder: Path) -> None:
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
            c["column_name"] for c in columns
            if not ASIDE.match(c["column_name"]) and c["is_identity"] == "NO"
            and not (c["data_type"] == "bytea" and c["column_name"] != "hash")
        ]  # fmt: skip
        quoted = ", ".join(f'"{c}"' for c in chosen)
        lines = []
        for row in await connection.fetch(f'select {quoted} from "{table}"'):
            lines.append(_line(dict(row), keys))
        (folder / f"{name}.{table}.txt").write_text("\n".join(sorted(lines)) + "\n", "utf-8")


def _line(row: dict[str, Any], keys: dict[tuple[str, str], bytes]) -> str:
    shop = row.get("shop")
    customer = row.get("customer") or str(row.get("aggregateid") or "/").partition("/")[2]
    key = keys.get((str(shop), str(customer)))
    return json.dumps(
        {name: _opened(value, name, key, str(shop), str(customer)) for name, value in row.items()},
        default=str, ensure_ascii=False, sort_keys=True,
    )  # fmt: skip


def _opened(value: Any, field: str, key: bytes | None, shop: str, customer: str) -> Any:
    """The value as it is to be compared: JSON texts parsed, ciphertext opened, signed addresses set aside."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: _opened(v, k, key, shop, customer) for k, v in value.items() if not ASIDE.match(k)}
    if isinstance(value, list):
        return [_opened(v, field, key, shop, customer) for v in value]
    if not isinstance(value, str):
        return value
    if value.startswith(("{", "[")):
        try:
            return _opened(json.loads(value), field, key, shop, customer)
        except ValueError:
            return value
    if value.startswith("enc:v1:"):
        return open_sealed(value, key, shop, customer, field) if key is not None else "sealed, and no key"
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
