"""Is all that segmentation keeps what its inputs make, and was all of it told? One line for each difference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from common.events import Event
from common.events.segments import (
    LifeCycleChanged,
    RfmChanged,
    SegmentEntered,
    SegmentFact,
    SegmentLeft,
    StageChanged,
)
from common.fold.folding import fold_anew, same
from common.storage.database import Transaction
from common.time.calendar import add_months
from segmentation.attributes.facts import told
from segmentation.customers import store as customers
from segmentation.customers.state import CustomerState
from segmentation.fold import SegmentFolding
from segmentation.report import store as totals
from segmentation.shop_statistics import store as figures
from segmentation.shops import store as shops
from segmentation.shops.state import Shop


async def verify(tx: Transaction) -> list[str]:
    """Fold every customer anew, and compare states, facts, members and monthly figures with what else is kept of them.

    Figures are taken as given, but must be as they were stored. Inputs that are held are due work, not differences.
    """
    known = await shops.get_shops_to_fold(tx, await shops.list_shops(tx))
    folding = SegmentFolding(known)
    lost = await customers.list_lost(tx)
    differences = [f"{shop}/{customer}: has inputs and is no customer" for shop, customer in lost]
    differences += await totals.compare_members(tx)
    for shop, rules in known.items():
        differences += _figures(shop, rules, await figures.list_changed(tx, shop))
        async for stored, inputs, facts in customers.iterate_customers(tx, shop):
            name = f"{shop}/{stored.customer}"
            anew, _ = await fold_anew(folding, inputs, stored.until, (shop, stored.customer))
            if not same(anew, stored.state):
                named = [name for name in type(anew).model_fields if getattr(anew, name) != getattr(stored.state, name)]
                differences.append(f"{name}: {', '.join(named)} differ when folded anew")
            differences += [f"{name}: {line}" for line in untold(facts, stored.state, stored.revision)]
    return differences


def _figures(shop: str, rules: Shop, changed: Sequence[Any]) -> list[str]:
    found = [f"{shop}: the figures of {month} are not those that were stored" for month in changed]
    gaps = [(a.month, b.month) for a, b in pairwise(rules.figures) if add_months(a.month, 1) != b.month]
    return found + [f"{shop}: figures between {a} and {b} are missing" for a, b in gaps]


def untold(facts: Sequence[Event[SegmentFact]], state: CustomerState, revision: int) -> list[str]:
    """Where the announced facts of a customer do not lead, one from the other, to what the state says.

    `facts` are those that are kept still, in the order in which they were announced: the newest, without a gap.
    """
    numbers = [fact.data.revision for fact in facts]
    if facts and numbers != list(range(revision - len(facts) + 1, revision + 1)):
        return [f"of {revision} facts some are gone: {len(numbers)} are kept, from {numbers[0]} to {numbers[-1]}"]
    before: dict[str, Any] = {}
    for fact in facts:
        data = fact.data
        kind, was, now = _change(data)
        if kind in before and before[kind] != was:
            return [f"its {data.TYPE} of {fact.time} goes on from {was!r}, but {before[kind]!r} was told before"]
        before[kind] = now
    known = told(state)
    truth = {
        "stage": known.stage,
        "lifecycle": known.life_cycle,
        "rfm": known.cell,
        "lapsed": known.lapsed.isoformat() if known.lapsed else None,
    }
    wrong = [kind for kind, now in before.items() if truth[kind] != now]
    return [f"{kind} was told as {before[kind]!r}, and is {truth[kind]!r}" for kind in wrong]


def _change(data: SegmentFact) -> tuple[str, Any, Any]:
    """What the fact says about which attribute: before and now."""
    if isinstance(data, StageChanged):
        return "stage", data.old, data.new
    if isinstance(data, LifeCycleChanged):
        return "lifecycle", data.old, data.new
    if isinstance(data, RfmChanged):
        return "rfm", data.old, data.cell
    if isinstance(data, SegmentEntered):
        return "lapsed", None, data.episode
    if isinstance(data, SegmentLeft):
        return "lapsed", data.episode, None
    raise TypeError(f"{data.TYPE} is no fact about a customer")
