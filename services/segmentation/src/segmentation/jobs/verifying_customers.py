"""Verification of customers: each folded anew, and what the topic must say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from common.events import CustomerKey
from common.fold.folding import fold_all
from common.shops.settings import SHOPS
from common.storage.database import Transaction
from common.verification import Customers, Row, digest
from segmentation.customers.state import CustomerState
from segmentation.customers.store import History, get_histories
from segmentation.fold import KEPT, PARTS, SegmentFolding, read_shops
from segmentation.purchases.entries import Sale, sale_of
from segmentation.purchases.store import get_sales
from segmentation.shop_statistics.store import STATISTICS
from segmentation.thresholds.store import THRESHOLDS


class _Known:
    """A customer's history, and what it comes to when it is folded anew."""

    def __init__(self, history: History, folding: SegmentFolding) -> None:
        self.history = history
        self.key: CustomerKey = history.shop, history.customer
        self.anew: CustomerState | None = None
        self.items: Set[tuple[str, str]] = set()
        self.sales: Set[Sale] = set()
        if history.stored is not None and not history.waiting:
            self.anew, _, _ = fold_all(folding, history.inputs, history.stored.until, self.key)
            dump = folding.items.dump_json
            items = self.anew.items.all().items()
            self.items = {name: dump(item, exclude_defaults=True).decode() for name, item in items}.items()
            self.sales = {sale for name, item in items if (sale := sale_of(name, item)) is not None}


async def _read(tx: Transaction, keys: Sequence[CustomerKey]) -> list[_Known]:
    waiting = {shop for table in (THRESHOLDS, STATISTICS, SHOPS) for shop in await table.late_shops(tx)}
    histories = await get_histories(tx, KEPT, keys, waiting)
    sales = await get_sales(tx, keys)
    for history in histories:
        history.sales = sales[history.shop, history.customer]
    folding = SegmentFolding(await read_shops(tx, {history.shop for history in histories if history.stored}))
    return [_Known(history, folding) for history in histories]


def _differences(known: _Known) -> Iterator[str]:
    """What does not follow from the inputs; statistics are taken as given, inputs that are held are due work."""
    history, name = known.history, "/".join(known.key)
    if history.stored is None:
        if history.inputs:
            yield f"{name}: has inputs that were folded, and no state"
        elif history.items:
            yield f"{name}: has items, and no state"
    elif known.anew is not None:
        wrong = [
            part
            for part in CustomerState.model_fields
            if getattr(known.anew, part) != getattr(history.stored.state, part)
        ]
        wrong += sorted({item for item, _ in known.items ^ history.items.items()})[:5]
        if wrong:
            yield f"{name}: {', '.join(wrong)} differ when folded anew"
        if known.sales != history.sales:
            odd = sorted({sale.name for sale in known.sales ^ history.sales})[:5]
            yield f"{name}: sales of {', '.join(odd)} are not those of the items"


def _row(known: _Known) -> Row:
    """What the topic must say of a customer: each fact by its revision, and by the last of them the attributes."""
    stored = known.history.stored
    facts: list[tuple[tuple[str, ...], bytes | None]] = [
        (("fact", *known.key, str(number)), None) for number in range(1, known.history.revision + 1)
    ]
    if stored is None:
        return known.key, facts  # an absorbed customer: what was announced last counts no more
    values = [((name, *known.key), digest(getattr(stored.state, name).announced)) for name in PARTS]
    return known.key, [*facts, *values]


def _counted(known: _Known) -> Mapping[str, int]:
    return {"inputs": len(known.history.inputs), "facts": known.history.revision}


CUSTOMERS = Customers("segmentation", ("history", "items", "sales"), _read, _differences, _row, _counted)
