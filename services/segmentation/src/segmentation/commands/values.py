"""What customers are worth, stored by the newest fit, and the segments that ask for it compared anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from common.storage.database import Transaction
from segmentation.expressions.tree import Compare, InSegment, OneOf, Tree, atoms
from segmentation.fold import read_shops
from segmentation.lifetime_value import store_values as values
from segmentation.lifetime_value.everybody import Buyers, Predicted, predict_everybody
from segmentation.lifetime_value.state import LifetimeFit
from segmentation.lifetime_value.store import get_newest_fit
from segmentation.segments import store_definitions as definitions
from segmentation.thresholds.state import ValueRules


async def value_span(tx: Transaction, shop: str, after: str, upto: str) -> int:
    """Value the buyers behind `after`, up to `upto`, by the newest fit; returns how many."""
    fit, rules = await _models(tx, shop)
    await values.clear_span(tx, shop, after, upto)
    if fit is None:
        return 0
    customers, buyers = await values.get_span(tx, shop, after, upto, fit.month, fit.currency)
    await _keep(tx, shop, fit, rules, customers, buyers)
    return len(customers)


async def value_customers(tx: Transaction, shop: str, customers: Sequence[str]) -> None:
    """Value these customers, who are locked, anew: one of them was absorbed, or is again a customer of its own."""
    fit, rules = await _models(tx, shop)
    await values.erase_values(tx, [(shop, customer) for customer in customers])
    if fit is not None:
        found, buyers = await values.get_these(tx, shop, customers, fit.month, fit.currency)
        await _keep(tx, shop, fit, rules, found, buyers)


async def _models(tx: Transaction, shop: str) -> tuple[LifetimeFit | None, ValueRules]:
    """The newest fit, where values can be predicted by it."""
    fit = await get_newest_fit(tx, shop)
    if fit is None or fit.repeating is None or fit.spending is None:
        return None, ValueRules()
    known = (await read_shops(tx, [shop]))[shop]
    return fit, known.thresholds_at(fit.as_of).value.model_copy(update={"horizon_days": fit.horizon_days})


async def _keep(
    tx: Transaction, shop: str, fit: LifetimeFit, rules: ValueRules, customers: Sequence[str], buyers: Buyers
) -> None:
    if customers:
        # In a thread, as it takes some tenths of a second, and everything else of this process goes on meanwhile.
        found: Predicted = await asyncio.to_thread(predict_everybody, fit, buyers, rules)
        await values.add_values(tx, shop, fit, customers, found)


async def compare_by_value(tx: Transaction, shop: str) -> None:
    """Everybody is compared with the segments that ask for values, themselves or through others, once more."""
    known = await definitions.get_definitions(tx, shop)
    trees = {name: each.definition.tree for name, each in known.items()}
    asking = {name for name, tree in trees.items() if _asks(tree)}
    while more := {
        name for name, tree in trees.items() if name not in asking and asking & {a.segment for a in _named(tree)}
    }:
        asking |= more
    if asking:
        await definitions.compare_again(tx, shop, asking)


def _asks(tree: Tree) -> bool:
    return any(isinstance(atom, Compare | OneOf) and atom.fact.source == "value" for atom in atoms(tree))


def _named(tree: Tree) -> list[InSegment]:
    return [atom for atom in atoms(tree) if isinstance(atom, InSegment)]
