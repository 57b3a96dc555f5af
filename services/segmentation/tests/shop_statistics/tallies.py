"""The tally of whole histories in Python: what the SQL of `shop_statistics.store` must say."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from common.events.segments import Scoring
from segmentation.attributes.rfm import rules as rfm
from segmentation.purchases.entries import Item, KnownOrder, Refund, order_item
from segmentation.purchases.state import Purchases
from segmentation.shop_statistics.grades import places
from segmentation.shop_statistics.rules import Tally

from ..histories import count


def tally_of(
    customers: Iterable[Mapping[str, Item]], month: date, window_months: int, currency: str, scoring: Scoring = "mean"
) -> Tally:
    """The tally of customers' items by name, by what happened before the month; `shop_statistics.store` says it in SQL.

    `currency` is the shop's at the month's start; M of a buyer who spent nothing in it is 0.
    """
    gaps, orders = Counter[int](), 0
    measures: list[rfm.Measure] = []
    for items in customers:
        made, days = Purchases(), set[date]()
        refunds = [each for each in items.values() if isinstance(each, Refund) and each.day < month]
        for each in refunds:
            if each.order_id is None:
                made.add(each.currency, each.day, 0, -each.amount)
        for name, order in items.items():
            if not isinstance(order, KnownOrder) or order.day is None or order.day >= month:
                continue
            if order.gone is not None and order.gone < month:
                continue
            of_it = (r for r in refunds if r.order_id and order_item(r.order_id) == name)
            given_back = sum(refund.amount for refund in of_it if refund.currency == order.currency)
            kept = KnownOrder(0, "completed", True, order.currency, max(0, order.goods - given_back))
            count(made, replace(kept, day=order.day))
            days.add(order.day)
            orders += 1
        gaps.update((later - earlier).days for earlier, later in itertools.pairwise(sorted(days)))
        measured = rfm.measure(made, month, window_months, currency)
        measures += [measured] if measured else []
    placed = [places(each.recency_days, each.frequency, each.monetary, scoring) for each in measures]
    return Tally(
        gaps=gaps,
        buyers=len(measures),
        recency_sum=sum(each.recency_days for each in measures),
        frequency_sum=sum(each.frequency for each in measures),
        monetary={currency: (sum(each.monetary for each in measures), len(measures))} if measures else {},
        orders=orders,
        places=tuple(map(Counter, zip(*placed, strict=True))) if scoring != "mean" else (),
    )
