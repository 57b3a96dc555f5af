"""An agent gives a member something unasked, within the month's budget; logged and capped (MEM-039)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from common.time.calendar import start_of_month
from membership.commands.knowing import lock_known
from membership.programme import store as programmes
from membership.surprises import store
from membership.surprises.refusals import SurpriseBudgetUsed, SurprisedEnough, SurpriseDiffers

_A_YEAR = timedelta(days=365)


class Asked(NamedTuple):
    """`value`: what it costs the shop, in minor units of its currency of now."""

    command_id: str
    what: str
    value: int
    by: str


async def give(tx: Transaction, key: CustomerKey, asked: Asked) -> Row[Any]:
    """Idempotent by the command's id. Raises UnknownMember, SurpriseDiffers, SurprisedEnough, SurpriseBudgetUsed."""
    shop, customer = key
    await lock_known(tx, key)
    known = await store.get_surprise(tx, shop, asked.command_id)
    if known is not None:
        return _repeated(known, customer, asked)
    rules, now = (await programmes.read_rules(tx, {shop}))[shop], tx.clock.now()
    allowed, month, currency = rules.at(now).surprises, start_of_month(rules.date_of(now)), rules.currency_at(now)
    people = [name for _, name in (await get_people(tx, [key]))[key]]
    if await store.count_since(tx, shop, people, now - _A_YEAR) >= allowed.a_member_a_year:
        raise SurprisedEnough(customer, allowed.a_member_a_year)
    # The row before the money: the id may be another customer's, whose request came at the same time.
    given = {"customer": customer, "month": month, "currency": currency, "at": now}
    new = await store.insert_surprise(tx, shop=shop, **given, **asked._asdict())
    row = await store.get_surprise(tx, shop, asked.command_id)
    assert row is not None
    if not new:
        return _repeated(row, customer, asked)
    if await store.spend(tx, shop, month, currency, asked.value, allowed.budget_a_month) is None:
        spent = await store.spent_in(tx, shop, month, currency)
        raise SurpriseBudgetUsed(max(0, allowed.budget_a_month - spent))
    return row


def _repeated(known: Row[Any], customer: str, asked: Asked) -> Row[Any]:
    """Raises SurpriseDiffers."""
    if (known.customer, known.what, known.value) != (customer, asked.what, asked.value):
        raise SurpriseDiffers(asked.command_id)
    return known
