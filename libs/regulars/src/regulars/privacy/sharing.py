"""What a partner is given under pseudonyms, written into a file (SEC-007)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.values.paths import part
from regulars.client import NoAnswer, Services
from regulars.stack.errors import Refused

PAGE = 200


async def download_share(
    services: Services, shop: str, partner: str, name: str, to: Path, gone: Path | None
) -> dict[str, Any]:
    """Write the file, and that of pseudonyms to delete where it is wanted; the share as the register shows it.

    Raises Refused where one cannot be written there, or broke off: it is removed then, since half of one would pass
    for the whole.
    """
    if gone is not None and gone.resolve() == to.resolve():
        raise Refused(f"both files would be {to}: name another one for those to delete")
    for file in (to, gone):
        if file is not None and not file.parent.is_dir():
            raise Refused(f"there is no folder {file.parent} to write {file.name} into")
    path = f"/v1/shops/{part(shop)}/sharing/partners/{part(partner)}"
    await _download(services, f"{path}/shares/{part(name)}/file", to)
    if gone is not None:
        await _download(services, f"{path}/gone", gone)
    after = ""
    while True:
        page = await services.get("orders-ingest", f"{path}/shares", after=after, limit=PAGE)
        for row in page["items"]:
            if row["share_id"] == name:
                found: dict[str, Any] = row
                return found
        if page["after"] is None:
            raise Refused(f"the register does not show {name!r}")
        after = page["after"]


async def _download(services: Services, path: str, to: Path) -> None:
    """The whole file or none; one that was there stays until then. Raises Refused."""
    part = to.with_name(f"{to.name}.part")
    try:
        await services.download("orders-ingest", path, part)
        part.replace(to)
    except NoAnswer:
        raise Refused(
            f"{to.name} broke off: the agreement was changed or revoked or its key replaced meanwhile, or see the log"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def share_line(row: Mapping[str, Any], to: Path) -> str:
    """What was written, for people."""
    last = row["files"][-1]
    withheld = f", the description of {last['withheld']} withheld" if last["withheld"] else ""
    return (
        f"{last['rows']} rows of {last['customers']} customers in {to}{withheld}. For {row['partner']}:"
        f" {row['purpose']}. Fields: {', '.join(row['fields'])}"
    )
