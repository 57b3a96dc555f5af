"""Coupons of an offer for everybody in a segment, a page at a time: memory does not grow with the segment (MEM-054)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import Parameter
from rich.console import Console

from regulars.client import Services
from regulars.dead import asked

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)
PAGE = 10_000
"""As many as membership takes in one request."""


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
    """Read the next page while one is being issued; at most two are held."""
    customers = issued = 0
    coming = _pages(services, f"/v1/shops/{shop}/segments/{segment}/customers", page)
    names: list[str] | None = await anext(coming, None)
    while names is not None:
        body = {"batch": batch, "customers": names}
        made, following = await asyncio.gather(
            services.call("membership", "POST", f"/v1/shops/{shop}/offers/{offer}/coupons", json=body),
            anext(coming, None),
        )
        customers, issued, names = customers + len(names), issued + made["issued"], following
    return Issued(customers, issued)


async def _pages(services: Services, path: str, page: int) -> AsyncIterator[list[str]]:
    after: str | None = ""
    while after is not None:
        answer = await services.get("segmentation", path, after=after, limit=page)
        if answer["customers"]:
            yield [each["customer"] for each in answer["customers"]]
        after = answer["next_after"]
