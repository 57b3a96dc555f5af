"""A shop's list of orders, of a file or its system, is compared with what is known; what was missed is taken (L5)."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from common.values.paths import part
from regulars.client import Services
from regulars.dead import asked
from regulars.stack.errors import Refused

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
HERE = "orders-ingest"
_console = Console(highlight=False, soft_wrap=True)
PAGE = 500
SHOWN = 20
"""Findings of each kind that are printed; the route has them all."""
WORDS = {
    "missed": "not known here, taken now",
    "behind": "older here, brought up to date",
    "ahead": "newer here than in the list, left as they are",
    "refused": "could not be taken",
    "absent": "known here and not in the list",
}


def reconcile(
    shop: str,
    file: Path | None = None,
    *,
    since: datetime,
    until: datetime,
    polled: str = "",
    run: str = "",
    folder: Folder = _RUN,
) -> int:
    """Compare a shop's list of orders with what is known; take what was missed, and report.

    Parameters
    ----------
    file
        The list, one JSON object a line.
    since
        The list holds every order that reached its state from then on.
    until
        And before this instant.
    polled
        In place of a file: the shop's system whose list was connected (`PUT .../order-lists/<system>`): shopify or
        woocommerce. The services ask it page by page; broken off here, they go on.
    run
        A name for the comparison: by default the file's or the system's. With the same one an interrupted comparison
        goes on.
    """
    if (file is None) == (not polled):
        raise Refused("Give a file, or --polled with the system whose list was connected: one of them.")
    name = run or f"{file.stem if file is not None else polled}-{since:%Y%m%d}"
    period = {"run_id": name, "since": since.isoformat(), "until": until.isoformat()}
    if file is None:
        report, findings = asked(folder, lambda services: follow(services, shop, {**period, "polled": polled}))
    else:
        report, findings = asked(folder, lambda services: compare(services, shop, period, file))
    for line in report_lines(report, findings):
        _console.print(line, markup=False)
    return 1 if report["refused"] or report["trouble"] else 0


def _say(line: str) -> None:
    _console.print(line, markup=False)


def pages(file: Path) -> Iterator[list[dict[str, Any]]]:
    """The file's orders, 500 at a time. Raises Refused at a line that is no JSON object."""
    page: list[dict[str, Any]] = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                order = json.loads(line)
            except ValueError as error:
                raise Refused(f"{file}:{number} is no JSON: {error}") from None
            if not isinstance(order, dict):
                raise Refused(f"{file}:{number} is no JSON object")
            page.append(order)
            if len(page) == PAGE:
                yield page
                page = []
    if page:
        yield page


Report = tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]
"""The report, and the first findings of each kind."""


async def compare(services: Services, shop: str, period: dict[str, str], file: Path) -> Report:
    """Send the file page by page and end the comparison."""
    path = f"/v1/shops/{part(shop)}/reconciliations"
    run = period["run_id"]
    begun = await services.call_patiently(_say, HERE, "POST", path, json=period)
    if begun["ended_at"] is None:
        coming = pages(file)
        while page := await asyncio.to_thread(next, coming, None):
            await services.call_patiently(_say, HERE, "POST", f"{path}/{part(run)}/orders", json={"orders": page})
        begun = await services.call_patiently(_say, HERE, "POST", f"{path}/{part(run)}/end")
    return begun, await _findings(services, f"{path}/{part(run)}", begun)


async def follow(services: Services, shop: str, asked_for: dict[str, str]) -> Report:
    """Begin a comparison with a system's own list, and wait until it has ended; a page that is waited for is said."""
    path = f"/v1/shops/{part(shop)}/reconciliations"
    report = await services.call_patiently(_say, HERE, "POST", path, json=asked_for)
    said = ""
    while report["ended_at"] is None:
        await asyncio.sleep(1)
        report = await services.call_patiently(_say, HERE, "GET", f"{path}/{part(asked_for['run_id'])}")
        now = f"{report['pages']} pages" + (f"; {report['trouble']}" if report["trouble"] else "")
        if now != said:
            _say(now)
        said = now
    return report, await _findings(services, f"{path}/{part(asked_for['run_id'])}", report)


async def _findings(services: Services, path: str, report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for kind in WORDS:
        if report[kind]:
            answer = await services.get(HERE, f"{path}/findings", kind=kind, limit=SHOWN)
            found[kind] = answer["items"]
    return found


def report_lines(report: dict[str, Any], findings: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The report for people."""
    lines = [
        f"Orders from {report['since']} until {report['until']}, compared at {report['ended_at']}:",
        f"{report['same']:>9}  the same",
    ]
    if report["trouble"]:
        lines.insert(1, f"The list was not read to its end: {report['trouble']}.")
    for kind, words in WORDS.items():
        lines.append(f"{report[kind]:>9}  {words}")
        lines += [f"{'':>11}{each['order_id']}: {each['detail']}" for each in findings.get(kind, ())]
        if report[kind] > SHOWN:
            lines.append(f"{'':>11}and {report[kind] - SHOWN} more")
    return lines
