"""A person is erased in every service, or is given all that is kept of them in one file (SEC-006)."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from common.values.paths import part
from regulars.client import SERVICES, NoAnswer, Services
from regulars.stack.errors import Refused

POLL_S = 0.5
PAGE = 500
Tables = dict[str, dict[str, list[dict[str, Any]]]]
"""By service and table, the rows."""


async def erase(
    services: Services, shop: str, customer: str, within_s: float, *, unknown: bool = False
) -> dict[str, Any]:
    """Have a customer erased, and wait until every service has confirmed; the completion report.

    `unknown`: also where nothing has come of them yet. Raises Refused where some have not within that time: they go on
    by themselves, and the report can be read later.
    """
    path = f"/v1/shops/{part(shop)}/customers/{part(customer)}/erasure"
    report: dict[str, Any] = await services.call("orders-ingest", "POST", path, params={"unknown": unknown})
    deadline = time.monotonic() + within_s
    while report["completed_at"] is None:
        if time.monotonic() > deadline:
            waiting = ", ".join(report["waiting_for"])
            raise Refused(f"asked for; not confirmed yet by {waiting}: call the command again, or GET {path}")
        await asyncio.sleep(POLL_S)
        with contextlib.suppress(NoAnswer):  # started anew; the report is kept
            report = await services.get("orders-ingest", path)
    return report


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The completion report for people."""
    lines = [
        f"{report['customer']} was erased; asked at {report['asked_at']}, complete at {report['completed_at']}.",
        f"Identifiers of the person: {', '.join(report['people'])}",
    ]
    for table, number in report["removed"].items():
        lines.append(f"Texts that named no customer, removed from {table}: {number}")
    for each in report["confirmed"]:
        kept = ", ".join(f"{table} {number}" for table, number in each["kept"].items()) or "nothing"
        lines.append(f"{each['service']} confirmed at {each['at']}. Rows under the bare identifier: {kept}")
    lines.append("Their texts on topics and in earlier backups are encrypted with a key that is gone.")
    return lines


async def _rows(services: Asked, service: str, path: str) -> AsyncIterator[dict[str, Any]]:
    after: str | None = ""
    while after is not None:
        page = await services.get(service, path, after=after, limit=PAGE)
        for row in page["rows"]:
            yield row
        after = page["next"]


class Asked(Protocol):
    """What answers a GET of a service, as `Services.get` does."""

    async def get(self, service: str, path: str, **params: Any) -> Any: ...


async def collect(services: Asked, shop: str, customer: str) -> tuple[list[str], Tables]:
    """The identifiers of the person, and all rows that every service keeps of them."""
    found: Tables = {}
    people: set[str] = set()
    for service in SERVICES:
        path = f"/v1/shops/{part(shop)}/customers/{part(customer)}/export"
        listed = await services.get(service, path)
        people |= set(listed["people"])
        found[service] = {
            table: [row async for row in _rows(services, service, f"{path}/{part(table)}")]
            for table in listed["tables"]
        }
    return sorted(people), found


def write_archive(target: Path, shop: str, customer: str, people: list[str], found: Tables) -> int:
    """One zip of a JSON file a service and a page to be read; returns the rows in it."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for service, tables in found.items():
            archive.writestr(f"{service}.json", json.dumps(tables, indent=1, ensure_ascii=False, sort_keys=True))
        archive.writestr("index.html", page_of(shop, customer, people, found))
    return sum(len(rows) for tables in found.values() for rows in tables.values())


def page_of(shop: str, customer: str, people: list[str], found: Tables) -> str:
    """The same as a page that any browser opens, without script or anything loaded."""
    title = html.escape(f"What {shop} keeps of {customer}")
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{title}</title><style>body{{font:1rem/1.5 sans-serif;margin:2rem;overflow-wrap:anywhere}}"
        "table{border-collapse:collapse;margin:.5rem 0 2rem}td,th{border:1px solid #bbb;padding:.2rem .5rem;"
        "text-align:left;vertical-align:top}</style>",
        f"<h1>{title}</h1><p>Identifiers: {html.escape(', '.join(people))}</p>",
    ]
    for service, tables in found.items():
        parts.append(f"<h2>{html.escape(service)}</h2>")
        for table, rows in tables.items():
            columns = sorted({name for row in rows for name in row})
            head = "".join(f"<th scope=col>{html.escape(name)}</th>" for name in columns)
            parts.append(f"<h3>{html.escape(table)}: {len(rows)}</h3><table><tr>{head}</tr>")
            for row in rows:
                cells = "".join(f"<td>{html.escape(_text(row.get(name)))}</td>" for name in columns)
                parts.append(f"<tr>{cells}</tr>")
            parts.append("</table>")
    return "\n".join(parts)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
