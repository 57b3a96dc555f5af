"""The tally of whole histories in Python: what the SQL of `shop_statistics.store` must say."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from common.events.standing import OrderStanding
from segmentation.attributes.rfm import rules as rfm
from segmentation.purchases.book import Book
from segmentation.purchases.entries import KnownOrder, Refund
from segmentation.shop_statistics.rules import Tally


def tally_of(
    customers: Iterable[tuple[Sequence[KnownOrder], Sequence[Refund]]], month: date, window_months: int, currency: str
) -> Tally:
    """The tally of whole histories, by what happened before the month; `shop_statistics.store` says it in SQL.

    `currency` is the shop's at the month's start; M of a buyer who spent nothing in it is 0.
    """
    gaps = Counter[int]()
    measures: list[rfm.Measure] = []
    for orders, refunds in customers:
        book = Book((), (each for each in refunds if each.day < month))
        for order in orders:
            if order.day is None or order.day >= month or (order.gone is not None and order.gone < month):
                continue
            of_it = (r for r in refunds if (r.order_id, r.currency) == (order.order_id, order.currency))
            given_back = sum(refund.amount for refund in of_it if refund.day < month)
            kept = OrderStanding(0, "completed", True, order.currency, max(0, order.paid - given_back))
            book.count(order._replace(standing=kept), 1)
        gaps.update((later - earlier).days for earlier, later in itertools.pairwise(book.days))
        measured = rfm.measure(book, month, window_months, currency)
        measures += [measured] if measured else []
    return Tally(
        gaps=gaps,
        buyers=len(measures),
        recency_sum=sum(each.recency_days for each in measures),
        frequency_sum=sum(each.frequency for each in measures),
        monetary={currency: (sum(each.monetary for each in measures), len(measures))} if measures else {},
    )
