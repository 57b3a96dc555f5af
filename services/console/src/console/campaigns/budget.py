"""What a campaign may cost, held against the shop's budget for campaigns before it starts (ANA-052, XCT-009)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from secrets import token_hex
from typing import Any, NamedTuple

from common.storage.database import Transaction
from console.records import commands, rules, store
from console.records.commands import NotSaved
from console.records.state import Record
from console.texts import N_
from console.web.formats import instant
from console.web.page import Viewer
from console.web.today import today

EXPENSE = "campaigns"


def most_cost(document: Mapping[str, Any]) -> int | None:
    """What its messages may cost at most, in minor units; None where nothing bounds their number.

    Coupons are not in it: what they cost is known when they are used, and their offer's own limits hold them.
    """
    each, most = document["cost_per_message"], document["most_messages"]
    if not each:
        return 0
    return None if most is None else int(each * most)


class Item(NamedTuple):
    """A budget item that may pay for it; `left` in minor units."""

    name: str
    left: int


class Standing(NamedTuple):
    """`kept`: the shop keeps a budget for campaigns, so that it is asked. `items`: those of the day, most left first.

    `held`: what was held for the campaign before; of one that was taken back None.
    """

    kept: bool
    items: list[Item]
    held: Record | None = None


def payment_of(campaign: str) -> str:
    """The name of the payment that holds what the campaign may cost."""
    return f"campaign {campaign}"


async def standing(viewer: Viewer, campaign: str, document: Mapping[str, Any], currency: str) -> Standing:
    """What the budget says of a campaign on the day on which it begins, or today where that is later.

    `currency`: the shop's, in which campaigns cost; items of another one are none of them.
    """
    day = await _day(viewer, document)
    async with viewer.console.database.transaction() as tx:
        newest = await store.list_all(tx, viewer.here, "budget")
        # Kind, days and amount of the version that decides: what somebody asks for since is not approved yet.
        deciding = await store.list_deciding(tx, viewer.here, "budget", [each.name for each in newest])
        standard = await store.get_record(tx, viewer.here, "standard", EXPENSE)
        held = await held_for(tx, viewer.here, campaign)
        items = [each for each in deciding.values() if each.fields["expense"] == EXPENSE]
        names = [each.name for each in items if each.fields["since"] <= day < each.fields["until"]]
        paid = await store.sum_payments(tx, viewer.here, names, without=payment_of(campaign))
    approved = {name: rules.approved_of(deciding.get(name), "planned", currency) for name in names}
    found = [Item(name, approved[name] - paid.get(name, {}).get(currency, 0)) for name in names if approved[name]]
    kept = any(each.fields["expense"] == EXPENSE for each in (*items, *newest))
    kept = kept or (standard is not None and standard.state != rules.ENDED)
    return Standing(kept, sorted(found, key=lambda item: (-item.left, item.name)), held)


async def _day(viewer: Viewer, document: Mapping[str, Any]) -> str:
    begins = instant(document["starts_at"])
    assert begins is not None
    return max(begins.astimezone(viewer.zone).date(), await today(viewer)).isoformat()


async def held_for(tx: Transaction, shop: str, campaign: str) -> Record | None:
    """The payment that holds what the campaign may cost, or what it cost."""
    found = await store.get_record(tx, shop, "spending", payment_of(campaign))
    return found if found is not None and found.state == rules.IN_FORCE and _is_of(found, campaign) else None


def _is_of(payment: Record, campaign: str) -> bool:
    return payment.fields.get("campaign") == campaign


async def hold(viewer: Viewer, campaign: str, document: Mapping[str, Any], item: str, currency: str) -> str | None:
    """Hold what the campaign may cost, as a payment; None where it costs nothing, or no budget is kept.

    The answer names this start: several starts of one campaign at once hold it each, and it is held as long as one of
    them does. Payments go one after the other, so that of two campaigns that want the rest of an item one is held.
    Raises NotSaved.
    """
    cost = most_cost(document)
    if cost == 0:
        return None
    found = await standing(viewer, campaign, document, currency)
    if not found.kept:
        return None
    if cost is None:
        raise NotSaved(N_("Nothing bounds what it may cost: write in its draft how many messages it sends at most."))
    if item not in {each.name for each in found.items}:
        raise NotSaved(N_("Choose the budget item that pays for it, one that holds the day on which it begins."))
    start = token_hex(8)
    await _note(viewer, campaign, item, (cost, currency), f"{start}.budget", start)
    return start


async def settle(viewer: Viewer, campaign: str, cost: int, currency: str, form: str) -> None:
    """Note what the campaign cost in place of what was held. Raises NotSaved."""
    async with viewer.console.database.transaction() as tx:
        held = await held_for(tx, viewer.here, campaign)
    if held is None:
        raise NotSaved(N_("Nothing is held in the budget for it."))
    if not cost:
        await commands.end(viewer, "spending", held.name, held.version, f"{form}.spent")
        return
    await _note(viewer, campaign, str(held.fields["item"]), (cost, currency), f"{form}.budget")


async def _note(
    viewer: Viewer, campaign: str, item: str, cost: tuple[int, str], form: str, start: str | None = None
) -> None:
    """`start`: the one that holds it; None once it is over."""
    name, day = payment_of(campaign), (await today(viewer)).isoformat()
    sum_ = {"item": item, "amount": cost[0], "currency": cost[1]}

    def noted(known: Record | None) -> dict[str, Any]:
        if known is not None and not _is_of(known, campaign):
            raise NotSaved(
                N_("A payment is called {name} that is not of this campaign: take it off the list."), name=name
            )
        fields = dict(known.fields) if known is not None else {}
        starts = _starts(known, cost[1]) | {start: sum_} if start is not None else {}
        return fields | _most_of(starts or {"": sum_}) | {"day": day, "campaign": campaign, "starts": starts}

    await commands.revise(viewer, "spending", name, form, noted)


def _starts(payment: Record | None, currency: str) -> dict[str, Any]:
    """What each start that was not refused holds in the currency; of a payment that was taken back none does."""
    if payment is None or payment.state != rules.IN_FORCE:
        return {}
    return {name: sum_ for name, sum_ in payment.fields.get("starts", {}).items() if sum_["currency"] == currency}


def _most_of(starts: Mapping[str, Any]) -> dict[str, Any]:
    """What is held: enough for whichever of them goes through."""
    return dict(max(starts.values(), key=lambda sum_: (sum_["amount"], sum_["item"])))


async def give_back(viewer: Viewer, campaign: str, start: str) -> None:
    """What a start held that messaging refused; what another start of the campaign holds stays."""

    def less(known: Record | None) -> dict[str, Any] | None:
        starts = _starts(known, known.currency) if known is not None else {}
        if known is None or starts.pop(start, None) is None:
            return known.fields if known is not None and known.state == rules.IN_FORCE else None
        return known.fields | _most_of(starts) | {"starts": starts} if starts else None

    # Where the other's item has no room any more, it stays held in this one's.
    with suppress(NotSaved):
        await commands.revise(viewer, "spending", payment_of(campaign), f"{start}.back", less)
