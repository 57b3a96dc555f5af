"""A trade and its refund, as Youzan and Taobao write them, in our words: amounts in yuan, times of Shanghai."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

from orders_ingest.webhooks.state import Said, SentOrder, SentRefund, Shop
from orders_ingest.webhooks.vendor import Amount, InCalendar, Payload, joined, minor, parsed, present

ZERO = Decimal(0)
CURRENCY = "CNY"
_SHANGHAI = ZoneInfo("Asia/Shanghai")
STATES = {
    "WAIT_BUYER_PAY": "placed",
    "TRADE_NO_CREATE_PAY": "placed",
    "WAIT_GROUP": "paid",
    "WAIT_CONFIRM": "paid",
    "WAIT_SELLER_SEND_GOODS": "paid",
    "SELLER_CONSIGNED_PART": "paid",
    "WAIT_BUYER_CONFIRM_GOODS": "shipped",
    "TRADE_BUYER_SIGNED": "delivered",
    "TRADE_SUCCESS": "completed",
    "TRADE_FINISHED": "completed",
    "TRADE_CLOSED": "closed",
    "TRADE_CLOSED_BY_TAOBAO": "closed",
    "TRADE_CLOSED_BY_USER": "closed",
}
"""Statuses of Youzan and of Taobao. One that is not here says nothing that we know."""


def _shanghai(text: Any) -> Any:
    if text in ("", None):
        return None
    if isinstance(text, str) and len(text) == 19:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_SHANGHAI)
    return text


Time = Annotated[Annotated[datetime, InCalendar] | None, BeforeValidator(_shanghai)]
"""2018-01-01 12:00:00, always of Shanghai; empty: not yet."""


class _OrderInfo(Payload):
    tid: str
    status: str
    created: Time
    update_time: Time = None
    pay_time: Time = None
    consign_time: Time = None
    success_time: Time = None


class _Buyer(Payload):
    yz_open_id: str | None = None
    buyer_id: str | None = None


class _Address(Payload):
    receiver_name: str | None = None
    receiver_tel: str | None = None
    delivery_province: str | None = None
    delivery_city: str | None = None
    delivery_district: str | None = None
    delivery_address: str | None = None


class _Pay(Payload):
    payment: Amount = ZERO
    post_fee: Amount = ZERO
    total_fee: Amount | None = None


class _Line(Payload):
    outer_sku_id: str | None = None
    outer_item_id: str | None = None
    item_id: str | None = None
    title: str | None = None
    num: int
    price: Amount = ZERO
    payment: Amount = ZERO
    is_present: bool = False


class _Remark(Payload):
    buyer_message: str | None = None


class _Full(Payload):
    order_info: _OrderInfo
    buyer_info: _Buyer = _Buyer()
    address_info: _Address = _Address()
    pay_info: _Pay = _Pay()
    orders: tuple[_Line, ...] = ()
    remark_info: _Remark = _Remark()


class Trade(Payload):
    """What we read of the messages trade_Trade…"""

    full_order_info: _Full


class Refund(Payload):
    """What we read of the messages trade_refund_RefundSuccess."""

    refund_id: str
    tid: str
    refunded_fee: Amount
    update_time: Time
    refund_reason: str | None = None


def trade_said(msg: str, shop: Shop) -> list[Said]:
    """The order as it stands; nothing of a status that is not known. A buyer without an id makes it nobody's."""
    full = parsed(Trade, unquote_plus(msg).encode()).full_order_info
    info, pay, address = full.order_info, full.pay_info, full.address_info
    state = STATES.get(info.status)
    if state is None or info.created is None:
        return []
    at = info.update_time or info.success_time or info.consign_time or info.pay_time or info.created
    buyer = full.buyer_info
    fields = {
        "customer": buyer.yz_open_id or (buyer.buyer_id if buyer.buyer_id != "0" else None),
        "time": at,
        "state": state,
        "currency": CURRENCY,
        "goods_paid": max(0, minor(pay.payment - pay.post_fee, CURRENCY)),
        "freight": minor(pay.post_fee, CURRENCY),
        "list_total": None if pay.total_fee is None else minor(pay.total_fee, CURRENCY),
        "lines": [_line(line) for line in full.orders],
        "placed_at": info.created,
        "paid_at": info.pay_time,
        "shipped_at": info.consign_time,
        "completed_at": info.success_time if state == "completed" else None,
        "closed_at": at if state == "closed" else None,
        "platform": shop_platform(info.status),
        "region": address.delivery_province,
        "city": address.delivery_city,
        "remark": full.remark_info.buyer_message,
        "recipient": address.receiver_name,
        "recipient_phone": address.receiver_tel,
        "address": joined(
            address.delivery_province, address.delivery_city, address.delivery_district, address.delivery_address
        ),
    }
    return [SentOrder(info.tid, present(fields), frozenset({"closed_at"}))]


def _line(line: _Line) -> dict[str, Any]:
    return present(
        {
            "sku": line.outer_sku_id or line.outer_item_id or line.item_id or line.title or "?",
            "name": line.title,
            "kind": "gift" if line.is_present else "goods",
            "quantity": line.num,
            "unit_price": minor(line.price, CURRENCY),
            "paid": max(0, minor(line.payment, CURRENCY)),
        }
    )


def shop_platform(status: str) -> str:
    """Taobao alone writes the statuses that Youzan has under other names."""
    return "taobao" if status in ("TRADE_FINISHED", "TRADE_BUYER_SIGNED", "TRADE_CLOSED_BY_TAOBAO") else "youzan"


def refund_said(msg: str, shop: Shop) -> list[Said]:
    """A refund that succeeded; of goods, for Youzan does not tell postage apart."""
    refund = parsed(Refund, unquote_plus(msg).encode())
    if refund.update_time is None or refund.refunded_fee <= 0:
        return []
    data = {
        "order_id": refund.tid,
        "amount": minor(refund.refunded_fee, CURRENCY),
        "currency": CURRENCY,
        **present({"reason": refund.refund_reason}),
    }
    return [SentRefund(refund.refund_id, refund.update_time, data)]
