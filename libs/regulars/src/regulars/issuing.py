"""Coupons of an offer for everybody in a segment, a page at a time: memory does not grow with the segment (MEM-054)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from rich.console import Console

from regulars.client import Services
from regulars.dead import asked

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)
PAGE = 10_000
"""As many as membership takes in one request."""
AT_ONCE = 2


class Issued(NamedTuple):
    customers: int
    issued: int


def issue(shop: str, offer: str, segment: str, *, batch: str = "", folder: Folder = _RUN) -> int:
    """Issue a coupon of the offer to every customer who is in the segment, and say how many are new.

    Parameters
    ----------
    batch
        A name for the round: by default the segment's. A customer gets one coupon of a batch, so that an interrupted
        issue is ended by the same command, and whoever enters the segment later gets theirs.
    """
    found = asked(folder, lambda services: issue_to_segment(services, shop, offer, segment, batch or segment))
    _console.print(f"{found.customers:,} customers in {segment}, {found.issued:,} coupons of {offer} issued")
    return 0


async def issue_to_segment(
    services: Services, shop: str, offer: str, segment: str, batch: str, page: int = PAGE
) -> Issued:
    """Two requests at a time, so that membership reads one while its database writes the other."""
    path, customers, issued = f"/v1/shops/{shop}/offers/{offer}/coupons", 0, 0
    asked: set[asyncio.Task[Any]] = set()
    try:
        async for names in _pages(services, f"/v1/shops/{shop}/segments/{segment}/customers", page):
            if len(asked) == AT_ONCE:
                done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                issued += sum(task.result()["issued"] for task in done)
            body = {"batch": batch, "customers": names}
            asked.add(asyncio.create_task(services.call("membership", "POST", path, json=body)))
            customers += len(names)
        return Issued(customers, issued + sum(answer["issued"] for answer in await asyncio.gather(*asked)))
    finally:
        for task in asked:
            task.cancel()


async def _pages(services: Services, path: str, page: int) -> AsyncIterator[list[str]]:
    after: str | None = ""
    while after is not None:
        answer = await services.get("segmentation", path, after=after, limit=page)
        if answer["customers"]:
            yield [each["customer"] for each in answer["customers"]]
        after = answer["next_after"]
