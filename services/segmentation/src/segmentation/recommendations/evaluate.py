"""How often recommendations hit: `python -m segmentation.recommendations.evaluate FILE --since DATE`.

FILE is CSV, gzipped or not, a row a line of an order: order, customer, date (ISO, what follows it is left out) and
product, in columns of any names; where `--quantity` names one, lines of none or less are left out. Products are counted
in the baskets before `--since`; judged is each customer's first order from then on, as it would have fared: whether one
of the ten products recommended was in it. And of each order from then on one line, drawn by its id, is left out of the
cart: whether it was recommended beside the rest.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from segmentation.recommendations.picking import LOOKED_AT, pick
from segmentation.recommendations.rules import LOOKED_BACK, count
from segmentation.recommendations.state import Ask, Basket, Goods, Product

SHOWN = 10
MOST_CARTS = 3_000
CANDIDATES = 100


class Unusable(Exception):
    """The file does not have what the evaluation needs; the message says what to mend."""


class Order(NamedTuple):
    number: str
    customer: str
    day: date
    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """Of `asked` how many were hit by ours, and by the best sellers of the last month."""

    what: str
    asked: int
    ours: int
    popular: int


def read(path: Path, columns: Sequence[str]) -> list[Order]:
    """The orders by day; `columns` are those of order, customer, date, product, and of the quantity where there is one.

    Lines without a customer or a product are left out: the service counts orders of customers.
    """
    found: dict[str, tuple[str, date, dict[str, None]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = [name for name in columns if name not in (rows.fieldnames or ())]
        if missing:
            has = ", ".join(rows.fieldnames or ()) or "none"
            named = "name them by --order, --customer, --date, --product"
            raise Unusable(f"the file has no column {', '.join(missing)}; it has {has}: {named}")
        for number, row in enumerate(rows, start=2):
            order, customer, when, sku, *quantity = (row[name] for name in columns)
            if not (order and customer and sku):
                continue
            try:
                day = date.fromisoformat(when[:10])
                if quantity and float(quantity[0]) <= 0:
                    continue
            except ValueError as error:
                said = f"{when!r} must begin with a date, and the quantity be a number"
                raise Unusable(f"row {number}: {said}") from error
            found.setdefault(order, (customer, day, {}))[2][sku] = None
    made = [Order(order, who, day, tuple(skus)) for order, (who, day, skus) in found.items()]
    return sorted(made, key=lambda each: (each.day, each.number))


def evaluate(orders: Sequence[Order], since: date) -> list[Rate]:
    """Raises Unusable where there is nobody to judge by."""
    before, after = [o for o in orders if o.day < since], [o for o in orders if o.day >= since]
    baskets = [Basket(o.day, [Goods(sku) for sku in o.skus]) for o in before if o.day >= since - LOOKED_BACK]
    counted = count(baskets, since)
    products = {each.sku: each for each in counted}
    history: dict[str, list[Sequence[str]]] = defaultdict(list)
    for order in before:
        history[order.customer].insert(0, order.skus)
    first = {order.customer: order for order in reversed(after) if order.customer in history and order.customer}
    if not products or not first:
        raise Unusable(f"nobody bought in the half year before {since} and after it")
    best = sorted(counted, key=lambda each: (-each.recent, -each.orders, each.sku))
    return [
        _of_customers("something new to the customer", first, history, products, best, again=False),
        _of_customers("anything, bought before or not", first, history, products, best, again=True),
        _of_carts(after, products, best),
    ]


def _of_customers(
    what: str,
    first: dict[str, Order],
    history: dict[str, list[Sequence[str]]],
    products: dict[str, Product],
    best: Sequence[Product],
    *,
    again: bool,
) -> Rate:
    ours = popular = 0
    for customer, order in sorted(first.items()):
        past = history[customer]
        had = set() if again else {sku for skus in past for sku in skus}
        wanted = set(order.skus) - had
        ask = Ask(_candidates(products, best, past[:LOOKED_AT]), (), past, returning=True, again=again, limit=SHOWN)
        picks, _ = pick(ask)
        ours += any(each.product.sku in wanted for each in picks)
        popular += any(sku in wanted for sku in _best(best, had))
    return Rate(what, len(first), ours, popular)


def _of_carts(after: Sequence[Order], products: dict[str, Product], best: Sequence[Product]) -> Rate:
    ours = popular = asked = 0
    for order in after[:MOST_CARTS]:
        known = sorted(set(order.skus) & products.keys())
        if len(known) < 2:
            continue
        asked += 1
        held = known[int.from_bytes(blake2b(order.number.encode(), digest_size=4).digest()) % len(known)]
        cart = [sku for sku in known if sku != held]
        picks, _ = pick(Ask(_candidates(products, best, [cart]), cart, limit=SHOWN))
        ours += any(each.product.sku == held for each in picks)
        popular += held in _best(best, set(cart))
    return Rate("the line left out of a cart", asked, ours, popular)


def _candidates(
    products: dict[str, Product], best: Sequence[Product], began: Sequence[Sequence[str]]
) -> dict[str, Product]:
    """As the service reads them: what it begins with, what that draws in, best sellers and new products."""
    seeds = [products[sku] for skus in began for sku in skus if sku in products]
    fresh = [each for each in best if each.is_new][:CANDIDATES]
    found = {each.sku: each for each in (*seeds, *best[:CANDIDATES], *fresh)}
    return found | {sku: products[sku] for each in seeds for sku, _ in each.neighbours}


def _best(best: Sequence[Product], without: set[str]) -> Iterator[str]:
    shown = 0
    for each in best:
        if each.sku not in without:
            yield each.sku
            shown += 1
            if shown == SHOWN:
                return


def main(given: Sequence[str] | None = None) -> int:
    """Print the rates; 1 where best sellers hit as often in carts, 2 where the file cannot be used."""
    parser = argparse.ArgumentParser("python -m segmentation.recommendations.evaluate", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--since", type=date.fromisoformat, required=True, help="the day from which it is judged")
    for name in ("order", "customer", "date", "product"):
        parser.add_argument(f"--{name}", default=name, help=f"the column of the {name}")
    parser.add_argument("--quantity", help="the column of the quantity, if there is one")
    asked = parser.parse_args(given)
    columns = [asked.order, asked.customer, asked.date, asked.product]
    try:
        orders = read(asked.file, [*columns, asked.quantity] if asked.quantity else columns)
        rates = evaluate(orders, asked.since)
    except (OSError, UnicodeDecodeError, Unusable) as error:
        print(f"{asked.file}: {error}", file=sys.stderr)
        return 2
    print(f"one of {SHOWN} hits".ljust(34), "asked", "  ours", "best sellers", sep="  ")
    for rate in rates:
        print(f"{rate.what:34}  {rate.asked:5,}  {rate.ours / rate.asked:6.1%}  {rate.popular / rate.asked:12.1%}")
    return 0 if rates[-1].ours > rates[-1].popular else 1


if __name__ == "__main__":
    sys.exit(main())
