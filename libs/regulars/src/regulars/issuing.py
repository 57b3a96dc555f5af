"""Coupons of an offer for everybody in a segment, a page at a time: memory does not grow with the segment (MEM-054)."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from rich.console import Console

from common.values.paths import part
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
    held_out: int = 0


def issue(shop: str, offer: str, segment: str, *, batch: str = "", hold_out: int = 0, folder: Folder = _RUN) -> int:
    """Issue a coupon of the offer to every customer who is in the segment, and say how many are new.

    Parameters
    ----------
    batch
        A name for the round: by default the segment's. A customer gets one coupon of a batch, so that an interrupted
        issue is ended by the same command, and whoever enters the segment later gets theirs.
    hold_out
        So many per cent get none, so that GET …/offers/OFFER/effect tells what the others' coupons brought.
    """
    found = asked(
        folder, lambda services: issue_to_segment(services, shop, offer, segment, batch or segment, hold_out=hold_out)
    )
    left_out = f", {found.held_out:,} left out" if found.held_out else ""
    _console.print(f"{found.customers:,} customers in {segment}, {found.issued:,} coupons of {offer} issued{left_out}")
    return 0


async def issue_to_segment(
    services: Services, shop: str, offer: str, segment: str, batch: str, page: int = PAGE, hold_out: int = 0
) -> Issued:
    """Two requests at a time, so that membership reads one while its database writes the other."""
    path, customers, answers = f"/v1/shops/{part(shop)}/offers/{part(offer)}/coupons", 0, list[Any]()
    asked: set[asyncio.Task[Any]] = set()
    done: set[asyncio.Task[Any]] = set()
    after: str | None = ""
    try:
        while after is not None:
            names, after = await _page(
                services, f"/v1/shops/{part(shop)}/segments/{part(segment)}/customers", after, page
            )
            if len(asked) == AT_ONCE:
                done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                answers += [task.result() for task in done]
            if names:
                body = {"batch": batch, "customers": names, "hold_out": hold_out}
                asked.add(asyncio.create_task(services.call("membership", "POST", path, json=body)))
            customers += len(names)
        answers += await asyncio.gather(*asked)
        return Issued(customers, *(sum(answer[name] for answer in answers) for name in ("issued", "held_out")))
    finally:
        for task in asked:
            task.cancel()
        # Of two that fail at once only the first is raised; the other must not be reported later as forgotten.
        await asyncio.gather(*asked, *done, return_exceptions=True)


async def _page(services: Services, path: str, after: str, limit: int) -> tuple[list[str], str | None]:
    answer = await services.get("segmentation", path, after=after, limit=limit)
    return [each["customer"] for each in answer["customers"]], answer["next_after"]
