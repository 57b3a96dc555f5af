"""Online Retail, imported end to end, is customer by customer what plain Python computes from the file.

On the file's first lines; on all 541,909 with REGULARS_WHOLE=1 in the environment (minutes).
"""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from common.storage.database import Database

FILE = Path(os.environ.get("REGULARS_SHARED", Path(__file__).parents[5] / "shared")) / "data/uci_online_retail.csv.gz"
WHOLE = bool(os.environ.get("REGULARS_WHOLE"))
LINES = 541_909 if WHOLE else 5_000
LONDON = ZoneInfo("Europe/London")
NO_GOODS = {"M", "D", "S", "B", "CRUK", "BANK CHARGES", "AMAZONFEE"}
Sums = dict[str, tuple[int, int, int, datetime | None, datetime | None]]
"""By customer: orders, pence paid with postage, pence given back, and when the first and the last order was made."""


def pence(quantity: int, price: str) -> int:
    return int((quantity * Decimal(price) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def by_plain_python(text: str) -> Sums:
    """The rules of the layout, told once more: an invoice is an order at the time of its first line; a cancelled line
    takes back the customer's newest sales of that code, never more money than remains of a line; A… is no sale."""
    invoices: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in csv.DictReader(text.splitlines()):
        invoices[row["InvoiceNo"]].append(row)
    orders: dict[str, list[datetime]] = defaultdict(list)
    paid: dict[str, int] = defaultdict(int)
    back: dict[str, int] = defaultdict(int)
    sold: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for number, rows in sorted(invoices.items(), key=lambda found: found[1][0]["InvoiceDate"]):
        customer = rows[0]["CustomerID"]
        if not customer or number.startswith("A"):
            continue
        if not number.startswith("C"):
            orders[customer].append(datetime.fromisoformat(rows[0]["InvoiceDate"]))
        for row in rows:
            quantity, code = int(row["Quantity"]), row["StockCode"]
            if quantity > 0:
                amount = pence(quantity, row["UnitPrice"])
                paid[customer] += amount
                sold[customer, code].append([quantity, amount])
                continue
            wanted = -quantity
            for line in reversed(sold[customer, code]) if code.upper() not in NO_GOODS else ():
                pieces = min(wanted, line[0])
                amount = min(pence(pieces, row["UnitPrice"]), line[1]) if pieces else 0
                line[0], line[1], wanted = line[0] - pieces, line[1] - amount, wanted - pieces
                back[customer] += amount
            back[customer] += pence(wanted, row["UnitPrice"])
    return {
        customer: (
            len(orders[customer]),
            paid[customer],
            back[customer],
            min(orders[customer], default=None),
            max(orders[customer], default=None),
        )
        for customer in orders.keys() | back.keys()
    }


@pytest.mark.skipif(not FILE.exists(), reason="the real histories are not here")
@pytest.mark.timeout(1800)
async def test_each_customer_of_online_retail_comes_to_what_plain_python_computes(importing: Any, db: Database) -> None:
    """ORD-005: orders, gross, refunds, first and last of each, with every trap of the file."""
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        text = "".join(line for line, _ in zip(file, range(LINES + 1), strict=False))
    job = await importing.upload(text, layout="online_retail")
    await importing.run()
    report = await importing.get(f"/imports/{job}")
    assert (report["state"], report["findings"]["counts"]["rows"]) == ("done", LINES)
    assert not {"other_customer", "refund_exceeds_paid", "handler_failed"} & report["refused_by"].keys()
    async with db.transaction() as tx:
        rows = await tx.fetch(
            """
            select customer, sum(orders) as orders, sum(paid) as paid, sum(back) as back, min(at) as first,
                   max(at) as last
            from (
                select customer, 1 as orders, goods_paid + freight as paid, 0 as back, at from orders
                where revision is not null
                union all
                select customer, 0, 0, amount + freight, null from refunds where state = 'counted'
            ) as found
            where customer <> '' group by customer
            """
        )

    def local(at: datetime | None) -> datetime | None:
        return None if at is None else at.astimezone(LONDON).replace(tzinfo=None)

    ours = {r.customer: (r.orders, r.paid, r.back, local(r.first), local(r.last)) for r in rows}
    expected = by_plain_python(text)
    assert ours == expected
    assert len(ours) > 150
    assert sum(found[2] for found in expected.values()) > 0
