"""A shop's list of orders in a file is compared with what is known, and what was missed is taken (L5)."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from regulars.client import Services
from regulars.dead import asked
from regulars.stack.errors import Refused

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
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


def reconcile(shop: str, file: Path, *, since: datetime, until: datetime, run: str = "", folder: Folder = _RUN) -> int:
    """Compare a shop's list of orders, one JSON object a line, with what is known; take what was missed, and report.

    Parameters
    ----------
    since
        The list holds every order that reached its state from then on.
    until
        And before this instant.
    run
        A name for the comparison: by default the file's. With the same one an interrupted comparison goes on.
    """
    name = run or f"{file.stem}-{since:%Y%m%d}"
    report, findings = asked(folder, lambda services: compare(services, shop, name, file, since, until))
    for line in report_lines(report, findings):
        _console.print(line, markup=False)
    return 1 if report["refused"] else 0


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


async def compare(
    services: Services, shop: str, run: str, file: Path, since: datetime, until: datetime
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Send the file page by page and end the comparison: the report, and the first findings of each kind."""
    path = f"/v1/shops/{shop}/reconciliations"
    period = {"run_id": run, "since": since.isoformat(), "until": until.isoformat()}
    begun = await services.call("orders-ingest", "POST", path, json=period)
    if begun["ended_at"] is None:
        coming = pages(file)
        while page := await asyncio.to_thread(next, coming, None):
            await services.call("orders-ingest", "POST", f"{path}/{run}/orders", json={"orders": page})
        begun = await services.call("orders-ingest", "POST", f"{path}/{run}/end")
    findings = {}
    for kind in WORDS:
        if begun[kind]:
            answer = await services.get("orders-ingest", f"{path}/{run}/findings", kind=kind, limit=SHOWN)
            findings[kind] = answer["items"]
    return begun, findings


def report_lines(report: dict[str, Any], findings: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The report for people."""
    lines = [
        f"Orders from {report['since']} until {report['until']}, compared at {report['ended_at']}:",
        f"{report['same']:>9}  the same",
    ]
    for kind, words in WORDS.items():
        lines.append(f"{report[kind]:>9}  {words}")
        lines += [f"{'':>11}{each['order_id']}: {each['detail']}" for each in findings.get(kind, ())]
        if report[kind] > SHOWN:
            lines.append(f"{'':>11}and {report[kind] - SHOWN} more")
    return lines
