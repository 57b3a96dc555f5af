"""Events that an order implies which is sent as it stands: one for each state it has newly reached (ORD-031)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from common.events import rfc3339
from common.events.orders import OrderState

STATES: tuple[str, ...] = get_args(OrderState)


def implied_events(shop: str, order_id: str, order: Mapping[str, Any], stored: str | None) -> list[dict[str, Any]]:
    """CloudEvents for the order's state at `order["time"]`, and for each earlier one that it names a time for.

    `order` holds datetimes and the `customer` where one is known; `stored` is the state that the order had, None for a
    new one: states up to it are not sent again. Ids are made of order, state and time, so the same order again makes
    the same events, and a corrected order needs a later `time`.
    """
    data = {name: value for name, value in order.items() if name not in ("customer", "time")}
    last = STATES.index(order["state"])
    first = -1 if stored is None else STATES.index(stored)
    # No earlier state is dated behind the one that the order is in: a `time` may be cut to the second.
    reached: list[tuple[str, datetime]] = [
        (state, min(data[f"{state}_at"], order["time"]))
        for number, state in enumerate(STATES[:last])
        if number > first and data.get(f"{state}_at") is not None
    ]
    reached.append((order["state"], order["time"]))
    return [_event(shop, order_id, order.get("customer"), {**data, "state": state}, at) for state, at in reached]


def _event(shop: str, order_id: str, customer: str | None, data: dict[str, Any], at: datetime) -> dict[str, Any]:
    event: dict[str, Any] = {
        "id": f"{order_id}:{data['state']}:{rfc3339(at)}",
        "source": f"/shops/{shop}/orders-ingest",
        "shop": shop,
        "type": f"order.{data['state']}",
        "time": rfc3339(at),
        "data": {
            "order_id": order_id,
            **{name: rfc3339(value) if isinstance(value, datetime) else value for name, value in data.items()},
        },
    }
    if customer is not None:
        event["subject"] = customer
    return event
