"""The command `import`: a file of history is sent to the running stack, and followed until all of it was taken."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console

from common.values.paths import part
from regulars import uploading
from regulars.client import Services
from regulars.dead import asked
from regulars.stack.errors import Refused

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)
LOOKS_EVERY_S = 1.0
HERE = "orders-ingest"


def import_file(
    shop: str,
    file: Path,
    *,
    layout: str = "orders",
    name: str | None = None,
    currency: str | None = None,
    zone: str | None = None,
    encoding: Literal["utf-8", "gbk", "latin-1", "utf-16"] = "utf-8",
    columns: str | None = None,
    decimals: Literal["point", "comma"] = "point",
    mended: str | None = None,
    refused: Path | None = None,
    folder: Folder = _RUN,
) -> int:
    """Send a file of history, show how far it is, and what became of its lines; exits non-zero where any was refused.

    A file of more than 64 MB is sent in parts. Interrupted while it is sent, the same command goes on where it was;
    later the import goes on by itself, and the same command again adds nothing.

    Parameters
    ----------
    layout
        orders (CSV, JSON Lines or Parquet), shopify_orders, woocommerce_orders, cdnow_master, cdnow_sample or
        online_retail.
    name
        Of the source: another file of the same layout needs another one.
    columns
        Of layout orders: field:Heading;... where a column is not found by its name.
    mended
        The import whose refused lines, mended, the file brings; how it is read is known then.
    refused
        Where refused lines are written to, to be mended and sent again.
    """
    params = {
        "layout": layout,
        "name": name,
        "currency": currency,
        "zone": zone,
        "encoding": encoding,
        "columns": columns,
        "decimals": decimals,
    }
    if not file.is_file():
        raise Refused(f"there is no file {file}")
    report = asked(folder, lambda services: send(services, shop, file, params, mended, refused, _say))
    for line in report_lines(report, refused):
        _console.print(line, markup=False)
    return 1 if report["refused"] else 0


def _say(line: str) -> None:
    _console.print(line, style="dim", markup=False)


async def send(
    services: Services,
    shop: str,
    file: Path,
    params: dict[str, str | None],
    mended: str | None,
    refused: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Send it and wait until it is done; the import's report. Raises Refused."""
    path = f"/v1/shops/{part(shop)}/imports"
    if mended is not None:
        job = await services.upload(HERE, f"{path}/{part(mended)}/mended", file, {"encoding": params["encoding"]})
    elif file.stat().st_size >= uploading.FROM:
        job = await uploading.send_parts(services, shop, file, params, say)
    else:
        job = await services.upload(HERE, path, file, params)
    last = ""
    while True:
        report: dict[str, Any] = await services.call_patiently(say, HERE, "GET", f"{path}/{part(job['id'])}")
        if (now := _progress(report)) != last:
            say(now)
            last = now
        if report["state"] in ("done", "failed"):
            break
        await asyncio.sleep(LOOKS_EVERY_S)
    if report["refused"] and refused is not None:
        await services.download(HERE, f"{path}/{part(job['id'])}/refusals.csv", refused)
    return report


def _progress(report: dict[str, Any]) -> str:
    if report["state"] == "reading":
        why = f"; {report['detail']}" if report["detail"] else ""
        return f"{report['id']}: {report['read']:,} of {report['size']:,} bytes read, {report['staged']:,} events{why}"
    done = report["accepted"] + report["duplicates"]
    return f"{report['id']}: {done:,} of {report['staged']:,} events taken"


def report_lines(report: dict[str, Any], refused: Path | None) -> list[str]:
    """The report for people."""
    lines = [f"{report['id']}: {report['state']}" + (f", {report['detail']}" if report["detail"] else "")]
    lines += [f"{report[name]:>12,}  {name}" for name in ("accepted", "duplicates", "refused")]
    lines += [f"{count:>14,}  {slug}" for slug, count in sorted(report["refused_by"].items())]
    if report["refused"] and refused is not None:
        lines.append(f"refused lines are in {refused}: mend its column text, and send it with --mended {report['id']}")
    elif report["refused"]:
        lines.append("for the refused lines: the same command with --refused FILE")
    return lines
