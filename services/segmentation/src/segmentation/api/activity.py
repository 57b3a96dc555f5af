"""What a customer did short of ordering, by kind."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import Depends

from common.events.fields import PlannedDay, ShopName
from common.fold.store_customers import read_customer
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.people.store import get_people
from segmentation.activity.store import sum_activity
from segmentation.api.customers import Out, UnknownCustomer
from segmentation.api.report import PeriodEndsBeforeItBegins

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class CountedOut(Out):
    """So many in the period, and the first and the last of them."""

    count: int
    first_at: datetime
    last_at: datetime


class ActivityOut(Out):
    """`kinds`: by type of event (`product.viewed` …), those of which there is any in the period."""

    customer: str
    since: date | None
    until: date | None
    first_seen: datetime | None
    last_seen: datetime | None
    kinds: dict[str, CountedOut]


@router.get("/customers/{customer}/activity")
async def get_activity(
    shop: ShopName, customer: Told, tx: Tx, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> ActivityOut:
    """Views, searches, favourites, carts, interruptions and chats; `since` and `until` (excluded) are days of the shop.

    `first_seen` and `last_seen` are those of the period: all time where no border is given.
    """
    if since is not None and until is not None and until <= since:
        raise PeriodEndsBeforeItBegins
    if await read_customer(tx, (shop, customer)) is None:
        raise UnknownCustomer(customer)
    people = (await get_people(tx, [(shop, customer)]))[shop, customer]
    kinds = await sum_activity(tx, people, since, until)
    return ActivityOut(
        customer=customer,
        since=since,
        until=until,
        first_seen=min((each.first_at for each in kinds.values()), default=None),
        last_seen=max((each.last_at for each in kinds.values()), default=None),
        kinds={kind: CountedOut.model_validate(each) for kind, each in kinds.items()},
    )
