"""Shopify's order export (Orders, Export, CSV): a row for each line, what is of the order in its first row alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from common.events.orders import MAX_LINES
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

NEEDED = ("Name", "Financial Status", "Created at", "Total", "Lineitem quantity", "Lineitem name", "Lineitem price")
COMPLETED_AFTER = timedelta(days=14)
"""After it was fulfilled: an export does not say when an order was delivered, nor whether it is archived."""
_PAID = frozenset({"paid", "partially_refunded", "refunded"})


def read_shopify(lines: Iterable[str | TooLong], history: History, findings: Findings) -> Iterator[Row | BadRow]:
    """Orders under the id that Shopify's webhooks give them (column Id), else under their name; customers by e-mail."""
    return read_export(lines, history, findings, NEEDED, _order, "Name")


def _order(group: list[Record], history: History) -> Made:
    if len(group) > MAX_LINES:
        raise ValueError(f"an order has at most {MAX_LINES:,} rows")
    said = group[0].cells
    currency = said.get("Currency", history.currency).upper()
    if currency not in EXPONENTS:
        raise ValueError("Currency is none of ISO 4217, such as CNY, USD, EUR")
    if "Created at" not in said or "Total" not in said:
        raise ValueError("Created at and Total are needed in the first row of an order")

    def money(name: str) -> int:
        return amount_of(said.get(name, "0"), name, history.decimals, currency)

    def time(name: str) -> datetime | None:
        return instant_of(said[name], name, history.zone) if name in said else None

    placed, paid_at, shipped_at, closed_at = map(time, ("Created at", "Paid at", "Fulfilled at", "Cancelled at"))
    assert placed is not None, "it was looked for above"
    state, at = _state(said, history, placed, paid_at, shipped_at, closed_at)
    order_id = identifier(said.get("Id", said["Name"].lstrip("#")), "Id")
    freight = money("Shipping")
    goods = max(0, money("Total") - freight)
    discount = money("Discount Amount")
    promotion = present(kind="secret_code", code=plain_number(said.get("Discount Code", "")), amount=discount)
    customer = customer_of(said.get("Email", ""), history)
    times = {"paid_at": paid_at, "shipped_at": shipped_at, f"{state}_at": at}
    data = {
        "order_id": order_id,
        "state": state,
        "currency": currency,
        "goods_paid": goods,
        "freight": freight,
        "lines": [_line(each.cells, currency, history) for each in group],
        "placed_at": placed.isoformat(),
        **{name: value.isoformat() for name, value in times.items() if value is not None},
        **present(
            list_total=goods + discount if discount else None,
            promotions=[promotion] if discount or "code" in promotion else [],
            platform="shopify",
            traffic_source=said.get("Source"),
            region=said.get("Shipping Province Name", said.get("Shipping Province")),
            city=said.get("Shipping City"),
        ),
    }
    profile = present(email=said.get("Email"), name=said.get("Billing Name", said.get("Shipping Name")))
    back = amount_of(paid_back(said.get("Refunded Amount", "0")), "Refunded Amount", history.decimals, currency)
    refund = refunded_in_all(data, back, closed_at or at, history)
    return Made(placed, at, customer, data, refund, profile)


def _state(
    said: dict[str, str],
    history: History,
    placed: datetime,
    paid_at: datetime | None,
    shipped_at: datetime | None,
    closed_at: datetime | None,
) -> tuple[str, datetime]:
    if closed_at is not None:
        return "closed", closed_at
    status = said.get("Financial Status", "").lower()
    if status == "voided":
        return "closed", placed
    if status not in _PAID:
        return "placed", placed
    if said.get("Fulfillment Status", "").lower() != "fulfilled":
        return "paid", paid_at or placed
    shipped = shipped_at or paid_at or placed
    completed = shipped + COMPLETED_AFTER
    if history.until is None or completed <= history.until:
        return "completed", completed
    return "shipped", shipped


def _line(said: dict[str, str], currency: str, history: History) -> dict[str, Any]:
    quantity = quantity_of(said.get("Lineitem quantity", ""), history.decimals)
    price = amount_of(said.get("Lineitem price", ""), "Lineitem price", history.decimals, currency)
    off = amount_of(said.get("Lineitem discount", "0"), "Lineitem discount", history.decimals, currency)
    name = said.get("Lineitem name", "")
    line = {
        "sku": plain_number(said.get("Lineitem sku", "")) or name or "?",
        "quantity": quantity,
        "unit_price": price,
        "paid": max(0, price * quantity - off),
        "kind": "gift" if price == 0 else "goods",
    }
    return line | present(name=name, brand=said.get("Vendor"))


LAYOUT = Layout("shopify_orders", read_shopify)
