"""Both published histories imported into one stack, and every customer's facts compared with pandas'.

`python -m bench.comparing` starts a stack of its own on a set clock, imports CDNOW (the sample, or all of it with
`--whole`) and Online Retail, and goes on month by month: in each one RFM is scored by another method. It prints how
many customers differ in which fact, and ends with 1 where any does.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from bench import by_pandas, machine
from bench.imports import DONE_WITHIN_S, History, histories, imported
from bench.living import Living, living

STAGES = (("mean", 12), ("quantile", 24), ("equal_groups", 12), ("fixed", 24))
"""Methods of RFM and months of their window, one a month."""
AT_ONCE = 8
SHOWN = 5
PARTS = ("orders-ingest", "segmentation")


@dataclass(frozen=True, slots=True)
class Course:
    """A history, its sales by pandas, and the months after it, at whose starts customers are compared."""

    history: History
    sales: pd.DataFrame
    months: Sequence[date]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.history.zone)


def courses(whole: bool, only: str | None) -> Iterator[Course]:
    """CDNOW ends in June 1998, Online Retail in December 2011; the clock goes on from one to the other."""
    for history in histories(whole, only != "cdnow"):
        if only not in (None, history.shop):
            continue
        if history.shop == "cdnow":
            sales, last = by_pandas.cdnow(history.content, 4 if whole else 5), date(1998, 7, 1)
        else:
            sales, last = by_pandas.online_retail(history.content), date(2011, 12, 1)
        firsts = pd.date_range(last, periods=len(STAGES) + 1, freq="MS").date
        yield Course(history, sales, list(firsts[1:]))


async def compare(stack: Living, course: Course) -> int:
    """Import the history, and compare in each month; the number of customers who differ in anything."""
    shop, services = course.history.shop, stack.services
    began = datetime.combine(course.months[0] - timedelta(days=5), time(12), course.zone)
    await services.everywhere("PUT", "/ops/clock", json={"now": began.isoformat()})
    await stack.set_up(shop, course.history.zone, course.history.query["currency"])
    report = await imported(stack, course.history)
    await stack.caught_up(DONE_WITHIN_S)
    print(f"{course.history.what}: {report['accepted']:,} events taken, {report['refused']:,} refused", flush=True)
    wrong, now, version = 0, began, 0
    for month, (method, window) in zip(course.months, STAGES, strict=True):
        rfm = {"rfm": {"method": method, "window_months": window}}
        valid_from = (now + timedelta(minutes=10)).isoformat()
        body = {"thresholds": rfm, "valid_from": valid_from, "replaces": version}
        path = f"/v1/shops/{shop}/thresholds"
        version = (await services.call("segmentation", "PUT", path, json=body))["version"]
        now = datetime.combine(month, time(1), course.zone)
        await _move(stack, now)
        wrong += await _compare(stack, course, month, method, window)
    return wrong


async def _move(stack: Living, now: datetime) -> None:
    """The clocks, and all that falls due by then."""
    await stack.services.everywhere("PUT", "/ops/clock", json={"now": now.isoformat()})
    while sum([await _swept(stack, name) for name in PARTS]):
        await stack.caught_up(DONE_WITHIN_S)


async def _swept(stack: Living, service: str) -> int:
    """What a round of sweeps did; on a busy machine it may last longer than its answer is waited for."""
    done: int = (await stack.services.call_patiently(print, service, "POST", "/ops/sweep"))["done"]
    return done


async def _compare(stack: Living, course: Course, month: date, method: str, window: int) -> int:
    expected = by_pandas.facts(course.sales, month, method, window)
    differing, wrong, shown = Counter[str](), 0, list[str]()
    cells = Counter[str]()
    async for customer, found in _everybody(stack, course.history.shop, list(expected.index)):
        cells[found["cell"] or "none"] += 1
        wanted = {name: _plain(value) for name, value in expected.loc[customer].items()}
        apart = [name for name, value in wanted.items() if not _same(name, value, found[name])]
        differing.update(apart)
        wrong += bool(apart)
        if apart and len(shown) < SHOWN:
            shown.append(f"  {customer}: " + ", ".join(f"{n} {found[n]!r}, by pandas {wanted[n]!r}" for n in apart))
    print(
        f"{course.history.shop} as of {month}, RFM by {method} over {window} months: {len(expected):,} customers, "
        f"{len(expected.columns)} facts each, {len(cells)} cells; {wrong:,} customers differ"
        + (f": {dict(differing)}" if differing else ""),
        *shown,
        sep="\n",
        flush=True,
    )
    return wrong


def _same(name: str, wanted: Any, found: Any) -> bool:
    if name == "usual_gap" and None not in (wanted, found):
        return bool(abs(wanted - found) < 0.0101)  # both are rounded to hundredths, of halves to either side
    return bool(wanted == found)


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and pd.isna(value)):
        return None
    value = getattr(value, "item", lambda: value)()
    return int(value) if isinstance(value, float) and value.is_integer() else value


async def _everybody(stack: Living, shop: str, customers: Sequence[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """What segmentation answers of each."""
    for first in range(0, len(customers), AT_ONCE):
        names = customers[first : first + AT_ONCE]
        asked = (
            stack.services.call_patiently(print, "segmentation", "GET", f"/v1/shops/{shop}/customers/{name}")
            for name in names
        )
        for name, answer in zip(names, await asyncio.gather(*asked), strict=True):
            yield name, _facts(answer)


def _facts(answer: Mapping[str, Any]) -> dict[str, Any]:
    cycle, rfm, lapsed = answer["life_cycle"] or {}, answer["rfm"] or {}, answer["lapsed"] or {}
    return {
        "orders": answer["stage"]["completed_orders"],
        "first": _day(answer["first_order"]),
        "last": _day(answer["last_order"]),
        "own_gaps": answer["own_gaps"],
        "usual_gap": cycle.get("usual_gap_days"),
        "days_since": cycle.get("days_since_last_order"),
        "life_cycle": cycle.get("value"),
        "lapsed": lapsed.get("value"),
        "f": rfm.get("frequency"),
        "m": rfm.get("monetary"),
        "r": rfm.get("recency_days"),
        "cell": rfm.get("cell"),
    }


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


async def _main(whole: bool, only: str | None) -> int:
    print(machine.describe())
    async with living(parts=PARTS, set_clock=True) as stack:
        return sum([await compare(stack, course) for course in courses(whole, only)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--whole", action="store_true", help="all of CDNOW instead of its tenth")
    parser.add_argument("--only", choices=("cdnow", "retail"), help="one of the two")
    given = parser.parse_args()
    sys.exit(1 if asyncio.run(_main(given.whole, given.only)) else 0)
