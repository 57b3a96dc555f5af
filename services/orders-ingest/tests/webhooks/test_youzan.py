"""Youzan's pushed messages, and trades in Taobao's words (ORD-001, ORD-031)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest

from common.events import Event
from orders_ingest.webhooks.state import SentOrder, Shop
from orders_ingest.webhooks.youzan.trades import STATES, trade_said

Published = Callable[[], Awaitable[list[Event[Any]]]]


def trade(status: str, **info: Any) -> dict[str, Any]:
    return {
        "full_order_info": {
            "order_info": {"tid": "E20260301", "status": status, "created": "2026-03-01 10:00:00", **info},
            "buyer_info": {"yz_open_id": "oPenId1", "buyer_id": 0, "buyer_phone": "13800000000"},
            "address_info": {
                "receiver_name": "王小明",
                "receiver_tel": "13800000000",
                "delivery_province": "浙江省",
                "delivery_city": "杭州市",
                "delivery_address": "文三路 1 号",
            },
            "pay_info": {"payment": "108.00", "post_fee": "8.00", "total_fee": "120.00"},
            "orders": [
                {
                    "item_id": 4,
                    "outer_sku_id": "LJ-250",
                    "title": "龙井 250 克",
                    "num": 2,
                    "price": "60.00",
                    "payment": "100.00",
                    "is_present": False,
                },
                {"item_id": 5, "title": "茶包", "num": 1, "price": "0.00", "payment": "0.00", "is_present": True},
            ],
            "remark_info": {"buyer_message": "请放门口"},
        }
    }


def message(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {
        "client_id": "client-id-1",
        "id": "E20260301",
        "kdt_id": 1,
        "msg": quote(orjson.dumps(content).decode()),
        "msg_id": "m-1",
        "type": kind,
        "test": False,
        **more,
    }


PAID = {"pay_time": "2026-03-01 10:05:00", "update_time": "2026-03-01 10:05:01"}


async def test_a_trade_is_told_in_yuan_and_shanghais_time_and_answered_as_youzan_wants(
    delivering: Any, published: Published, api: httpx.AsyncClient
) -> None:
    paid = trade("WAIT_SELLER_SEND_GOODS", **PAID)
    answer = await delivering.youzan(message("trade_TradePaid", paid))
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "success"})
    placed, event = await published()
    assert (placed.type, placed.time.isoformat()) == ("order.placed", "2026-03-01T02:00:00+00:00")
    assert (event.type, event.subject, event.data.currency) == ("order.paid", "oPenId1", "CNY")
    assert (event.data.goods_paid, event.data.freight) == (10000, 800)
    assert [(x.sku, x.kind, x.quantity, x.paid) for x in event.data.lines] == [
        ("LJ-250", "goods", 2, 10000),
        ("5", "gift", 1, 0),
    ]
    times = {"consign_time": "2026-03-02 09:00:00", "success_time": "2026-03-04 09:00:00"}
    done = trade("TRADE_SUCCESS", **{**PAID, **times, "update_time": "2026-03-04 09:00:00"})
    await delivering.youzan(message("trade_TradeSuccess", done, msg_id="m-2"))
    refund = {"refund_id": "R1", "tid": "E20260301", "refunded_fee": "30.00", "update_time": "2026-03-05 09:00:00"}
    await delivering.youzan(message("trade_refund_RefundSuccess", refund, msg_id="m-3"))
    shown = (await api.get("/v1/shops/demo/orders/E20260301")).json()
    assert (shown["state"], shown["refunded"], shown["region"]) == ("completed", 3000, "浙江省")
    assert [event.type for event in await published()] == [
        "order.placed",
        "order.paid",
        "order.shipped",
        "order.completed",
        "order.refunded",
    ]


async def test_a_message_of_a_test_says_nothing(delivering: Any, published: Published) -> None:
    answer = await delivering.youzan(message("trade_TradePaid", trade("TRADE_SUCCESS"), test=True))
    assert (answer.json()["code"], await published()) == (0, [])


@pytest.mark.parametrize(("status", "state"), STATES.items())
def test_statuses_of_both_are_our_states(status: str, state: str) -> None:
    shop = Shop("demo", "CNY", ZoneInfo("Asia/Shanghai"))
    [said] = trade_said(quote(orjson.dumps(trade(status, **PAID)).decode()), shop)
    assert isinstance(said, SentOrder)
    assert said.order["state"] == state
    assert trade_said(quote(orjson.dumps(trade("WHATEVER_COMES")).decode()), shop) == []
