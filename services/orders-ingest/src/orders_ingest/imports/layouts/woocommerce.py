"""WooCommerce's order exports (CSV), as its usual plugins write them: a row for each order, its lines in cells of it.

A line is `name:…|sku:…|quantity:…|total:…`: in `line_items`, several parted by `;`, or in `line_item_1`, `line_item_2`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from common.values.currency import EXPONENTS
from orders_ingest.imports.layouts.exports import (
    Made,
    Record,
    customer_of,
    paid_back,
    present,
    read_export,
    refunded_in_all,
)
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Layout, Row, identifier, plain_number
from orders_ingest.imports.layouts.orders.values import amount_of, instant_of, quantity_of
from orders_ingest.imports.lines import TooLong
from orders_ingest.webhooks.woocommerce.orders import STATES

NEEDED = ("order_id", "status", "order_total")
_LINE = re.compile(r"line_items?(?:_[0-9]+)?")
_NEXT = re.compile(r";(?=[a-z_]+:)")
"""A `;` behind which another line begins; names have one as well."""


def read_woocommerce(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """Orders and customers under the ids that WooCommerce's webhooks give them; guests by e-mail."""
    return read_export(lines, history, findings, NEEDED, _order, "order_id")


def _order(group: list[Record], history: History) -> Made:
    if len(group) > 1:
        raise ValueError("order_id stands in several rows: choose the form with one row for an order")
    said = group[0].cells
    currency = said.get("order_currency", history.currency).upper()
    if currency not in EXPONENTS:
        raise ValueError("order_currency is none of ISO 4217, such as CNY, USD, EUR")

    def money(name: str) -> int:
        return amount_of(said.get(name, "0"), name, history.decimals, currency)

    def time(*names: str) -> datetime | None:
        return next((instant_of(said[name], name, history.zone) for name in names if name in said), None)

    placed = time("order_date", "date")
    if placed is None:
        raise ValueError("order_date is needed")
    paid_at, completed_at = time("paid_date", "date_paid"), time("completed_date", "date_completed")
    status = said.get("status", "").lower().removeprefix("wc-")
    # What was paid back had been paid, also where the export has no dates of it.
    state = ("completed" if completed_at or paid_at else "paid") if status == "refunded" else STATES.get(status)
    if state is None:
        raise ValueError(f"status is none of {', '.join(STATES)}, refunded")
    at = {"completed": completed_at or paid_at, "paid": paid_at}.get(state) or placed
    freight = money("shipping_total") + money("shipping_tax_total")
    goods = max(0, money("order_total") - freight)
    number = plain_number(said.get("customer_id", said.get("customer_user", "0")))
    guest = not number.strip("0")
    customer = customer_of(said.get("billing_email", ""), history) if guest else identifier(number, "customer_id")
    cells = [cell for name, cell in said.items() if _LINE.fullmatch(name)]
    data = {
        "order_id": identifier(said["order_id"], "order_id"),
        "state": state,
        "currency": currency,
        "goods_paid": goods,
        "freight": freight,
        "lines": [_line(text, currency, history) for cell in cells for text in _NEXT.split(cell)],
        "placed_at": placed.isoformat(),
        **({} if paid_at is None else {"paid_at": paid_at.isoformat()}),
        f"{state}_at": at.isoformat(),
        "platform": "woocommerce",
        **present(region=said.get("shipping_state"), city=said.get("shipping_city")),
    }
    names = (said.get("billing_first_name"), said.get("billing_last_name"))
    profile = present(email=said.get("billing_email"), name=" ".join(filter(None, names)))
    given = paid_back(said.get("refunded_total", "0"))
    back = amount_of(given, "refunded_total", history.decimals, currency)
    if status == "refunded":
        back = goods + freight
    return Made(placed, at, customer, data, refunded_in_all(data, back, at, history), profile)


def _line(text: str, currency: str, history: History) -> dict[str, Any]:
    """Raises ValueError for a line without quantity and total."""
    said = {key.strip(): value.strip() for key, _, value in (part.partition(":") for part in text.split("|"))}
    if "quantity" not in said or "total" not in said:
        raise ValueError(f"a line has no quantity and total: {text[:100]}")
    paid = amount_of(said["total"], "total", history.decimals, currency)
    tax = said.get("total_tax", said.get("tax", "0")) or "0"
    paid += amount_of(tax, "tax", history.decimals, currency)
    return {
        "sku": plain_number(said.get("sku") or said.get("product_id") or "") or said.get("name") or "?",
        "quantity": quantity_of(said["quantity"], history.decimals),
        "paid": paid,
        **present(name=said.get("name")),
    }


LAYOUT = Layout("woocommerce_orders", read_woocommerce)
