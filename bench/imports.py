"""P5: whole histories imported into a live stack, until every service has caught up."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import machine
from bench.figures import Figure, Result
from bench.living import Living
from bench.servers import Failed
from regulars import cdnow

DONE_WITHIN_S = 1_800.0
RETAIL_FILE = Path("data/uci_online_retail.csv.gz")
"""Below REGULARS_SHARED: https://archive.ics.uci.edu/dataset/352/online+retail, as CSV."""


@dataclass(frozen=True, slots=True)
class Size:
    """Whether CDNOW is imported whole, and Online Retail after it, or so many lines of CDNOW's published tenth."""

    whole: bool = True
    lines: int = 1_500


@dataclass(frozen=True, slots=True)
class History:
    shop: str
    what: str
    content: bytes
    query: Mapping[str, str]
    zone: str
    most_s: float | None


async def measure(stack: Living, result: Result, size: Size) -> None:
    """One history after the other, each of a shop of its own."""
    for history in _histories(size):
        await stack.set_up(history.shop, history.zone, history.query["currency"])
        load = machine.load()
        before = stack.cpu()
        began = time.perf_counter()
        job = await imported(stack, history)
        taken_s = time.perf_counter() - began
        facts = await stack.caught_up(DONE_WITHIN_S)
        seconds = time.perf_counter() - began
        await stack.none_dead()
        spent = sum(stack.cpu().values()) - sum(before.values())
        result.figures.append(Figure("P5", f"import of {history.what}", seconds, "s", load, most=history.most_s))
        result.notes.append(
            f"P5, {history.what}: {job['accepted']:,} events taken, {job['refused']:,} lines or events refused, within "
            f"{taken_s:.1f} s; all services had caught up after {seconds:.1f} s ({job['accepted'] / seconds:,.0f} "
            f"events/s), with {spent / job['accepted'] * 1000:.2f} ms of CPU an event; "
            f"{sum(facts.values()):,} facts of all shops stand published."
        )
    if size.whole and _retail() is None:
        result.notes.append(f"P5: Online Retail was not measured: no {RETAIL_FILE} below REGULARS_SHARED.")


def _histories(size: Size) -> list[History]:
    found = histories(size.whole, size.whole)
    if size.whole:
        return found
    cdnow_, *_ = found
    content = b"".join(cdnow_.content.splitlines(keepends=True)[: size.lines])
    return [replace(cdnow_, what=f"{size.lines:,} lines of CDNOW's sample", content=content)]


def histories(whole: bool, with_retail: bool) -> list[History]:
    """CDNOW, whole or its published tenth, and Online Retail where its file is there."""
    layout, what = ("cdnow_master", "all of CDNOW, 69,659 lines") if whole else ("cdnow_sample", "CDNOW's sample")
    query = {"layout": layout, "currency": "USD", "zone": str(cdnow.ZONE)}
    content = cdnow.find(whole).read_bytes()
    found = [History("cdnow", what, content, query, str(cdnow.ZONE), 120 if whole else None)]
    retail = _retail() if with_retail else None
    if retail is not None:
        zone = "Europe/London"
        query = {"layout": "online_retail", "currency": "GBP", "zone": zone}
        found.append(History("retail", "Online Retail, 541,909 lines", gzip.decompress(retail), query, zone, 60))
    return found


def _retail() -> bytes | None:
    file = Path(os.environ.get("REGULARS_SHARED", "../shared")) / RETAIL_FILE
    return file.read_bytes() if file.is_file() else None


async def imported(stack: Living, history: History) -> dict[str, Any]:
    """Upload it and wait until every event was taken; gives the import's report. Raises Failed."""
    path = f"/v1/shops/{history.shop}/imports"
    job = await stack.services.call("orders-ingest", "POST", path, params=dict(history.query), content=history.content)
    deadline = time.monotonic() + DONE_WITHIN_S
    while True:
        report: dict[str, Any] = await stack.services.get("orders-ingest", f"{path}/{job['id']}")
        if report["state"] == "done":
            return report
        if report["state"] == "failed" or time.monotonic() > deadline:
            raise Failed(f"the import of {history.what} ended as {report['state']}: {report['detail']}")
        await asyncio.sleep(0.2)
