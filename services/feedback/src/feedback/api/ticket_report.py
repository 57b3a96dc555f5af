"""How quickly customers are answered and helped, over HTTP (FBK-027, FBK-028)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.feedback import Priority, TicketState
from common.events.fields import Instant, ShopName
from common.http.api import Router, Tx, require
from common.shops.settings import get_shop
from feedback.api.periods import period_of
from feedback.policy.state import in_force
from feedback.policy.store import get_versions
from feedback.tickets import store_report
from feedback.tickets.disputes import count
from feedback.tickets.staffing import staffed
from feedback.tickets.told import PRIORITIES

router = Router(prefix="/v1/shops/{shop}", tags=["tickets"])


class OpenOut(BaseModel):
    priority: Priority
    state: TicketState
    tickets: int
    overdue: int


class VipDisputesOut(BaseModel):
    """Of customers with the green channel, in the policy's last days up to now: complaints and quality tickets opened,
    of orders completed. `over_limit`: too many, which opens a staff task a month (FBK-033)."""

    orders: int
    disputes: int
    per_mille: int | None
    limit_per_mille: int
    over_limit: bool


class TicketReportOut(BaseModel):
    """Of tickets opened from `since` to `until` (exclusive). Medians in seconds; null where there are none.

    `first_contact_share`: of the resolved ones, those that took one answer at most and were not opened again.
    """

    since: datetime
    until: datetime
    opened: int
    resolved: int
    reopened: int
    overdue: int
    first_contact_share: float | None
    median_answer_s: float | None
    median_resolve_s: float | None
    open_now: list[OpenOut]
    vip_disputes: VipDisputesOut


class HourOut(BaseModel):
    """Tickets opened in one hour of the week, in the shop's zone; `weekday` 1 is Monday.

    `late`: their first answer came after its due, or has not come though that passed. `served`: some of the hour lies
    within the service hours of now. `gap`: five tickets or more, and nobody there, or a fifth of them late.
    """

    weekday: int
    hour: int
    opened: int
    late: int
    median_answer_s: float | None
    served: bool
    gap: bool


class StaffingOut(BaseModel):
    """When customers write, and where nobody is there in time (FBK-035); hours without a ticket are left out.

    `out_of_hours`: tickets of hours that are not served.
    """

    since: datetime
    until: datetime
    zone: str
    opened: int
    out_of_hours: int
    late: int
    gaps: int
    hours: list[HourOut]


@router.get("/ticket-report", dependencies=[require("feedback:read")])
async def get_ticket_report(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant | None, Query(description="absent: 30 days before `until`")] = None,
    until: Annotated[Instant | None, Query(description="absent: now")] = None,
) -> TicketReportOut:
    """How quickly customers are answered and helped, and what is open now (FBK-027, FBK-028)."""
    begin, to = period_of(since, until, tx.clock.now(), 30)
    found = await store_report.get_report(tx, shop, begin, to)
    now = tx.clock.now()
    vip = await count(tx, shop, in_force((await get_versions(tx, [shop]))[shop], now).policy.tickets, now)
    return TicketReportOut(
        since=begin,
        until=to,
        opened=found.opened,
        resolved=found.resolved,
        reopened=found.reopened,
        overdue=found.overdue,
        first_contact_share=round(found.first_contact / found.resolved, 4) if found.resolved else None,
        median_answer_s=found.answer_s,
        median_resolve_s=found.resolve_s,
        open_now=[
            OpenOut(priority=PRIORITIES[r.priority], state=r.state, tickets=r.tickets, overdue=r.overdue)
            for r in await store_report.count_open(tx, shop)
        ],
        vip_disputes=VipDisputesOut(
            orders=vip.orders,
            disputes=vip.disputes,
            per_mille=vip.per_mille,
            limit_per_mille=vip.limit,
            over_limit=vip.over,
        ),
    )


@router.get("/ticket-report/hours", dependencies=[require("feedback:read")])
async def get_staffing(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant | None, Query(description="absent: 30 days before `until`")] = None,
    until: Annotated[Instant | None, Query(description="absent: now")] = None,
) -> StaffingOut:
    """At which hours of the week customers write, and where staff are missing (FBK-035)."""
    now = tx.clock.now()
    begin, to = period_of(since, until, now, 30)
    zone = (await get_shop(tx, shop)).at(now).zone
    hours = in_force((await get_versions(tx, [shop]))[shop], now).policy.tickets.hours
    found = staffed(await store_report.count_hours(tx, shop, begin, to, now, zone), hours)
    return StaffingOut(
        since=begin,
        until=to,
        zone=zone.key,
        opened=sum(one.of.opened for one in found),
        out_of_hours=sum(one.of.opened for one in found if not one.served),
        late=sum(one.of.late for one in found),
        gaps=sum(one.gap for one in found),
        hours=[
            HourOut(
                weekday=one.of.weekday,
                hour=one.of.hour,
                opened=one.of.opened,
                late=one.of.late,
                median_answer_s=one.of.answer_s,
                served=one.served,
                gap=one.gap,
            )
            for one in found
        ],
    )
