"""The windows in which a tier is qualified for, and the terms that go with them: rolling, calendar, anniversary, ever.

Rolling: so many months back from each day, and terms of `term_months`. By the calendar, or from the day of enrolment
on: blocks of `window_months`, one after the other; a tier holds for the rest of its block and the whole next one, at
whose end that block is looked at. Lifetime: all that ever was.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from common.time.calendar import add_months
from membership.programme.programme import Programme
from membership.programme.versions import ShopRules
from membership.qualification.history import EVER
from membership.tiers.state import Standing

_ONE_DAY = timedelta(days=1)


def block_of(programme: Programme, day: date, enrolled: date) -> tuple[date, date]:
    """The first and the last day of the block that the day lies in."""
    months = programme.window_months
    if programme.window == "calendar":
        first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
        return first, add_months(first, months) - _ONE_DAY
    blocks = ((day.year - enrolled.year) * 12 + day.month - enrolled.month) // months
    # Counted from the enrolment each time, so that the 31st comes back after a short month.
    while add_months(enrolled, blocks * months) > day:
        blocks -= 1
    first = add_months(enrolled, blocks * months)
    return first, add_months(enrolled, (blocks + 1) * months) - _ONE_DAY


def window_start(shop: ShopRules, programme: Programme, at: datetime, enrolled: datetime) -> datetime:
    """The first instant of the window that holds at an instant; EVER: it has none."""
    today = shop.date_of(at)
    if programme.window == "lifetime":
        return EVER
    if programme.window == "rolling":
        # The day after the same date so many months ago.
        return shop.start_of(add_months(today, -programme.window_months) + _ONE_DAY)
    return shop.start_of(block_of(programme, today, shop.date_of(enrolled))[0])


def review_start(shop: ShopRules, programme: Programme, standing: Standing, enrolled: datetime) -> datetime:
    """From when on a term's review looks: after its first day, or the block in which its last day lies."""
    assert standing.since is not None
    assert standing.until is not None
    if programme.window == "lifetime":
        return EVER
    if programme.window == "rolling":
        return shop.start_of(standing.since + _ONE_DAY)
    return shop.start_of(block_of(programme, standing.until, shop.date_of(enrolled))[0])


def last_day_of_term(programme: Programme, first: date, enrolled: date) -> date:
    """Where terms follow blocks: the end of the block after the one in which the term begins."""
    _, last = block_of(programme, first, enrolled)
    return block_of(programme, last + _ONE_DAY, enrolled)[1]
