"""A refund as it is known while orders and refunds are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from common.events import Event
from common.events.kept import Kept
from common.events.orders import OrderRefunded
from common.events.standing import REFUND_FIELDS
from orders_ingest.orders.state import PaidBack

Named = tuple[str, str]
"""(shop, refund)."""
State = Literal["counted", "held", "set_aside"]


@dataclass(slots=True)
class KnownRefund:
    """What became of a refund: counted; held until its order comes or is paid; or set aside, `slug` says why.

    `event` and `body` are as it came; None of one that was counted before.
    """

    state: State
    order_id: str | None
    event: Event[Any] | None = None
    body: bytes = b""
    slug: str | None = None

    @property
    def name(self) -> Named:
        """Its name; of one that is known as it came."""
        assert self.event is not None, "a refund that was counted before is known without its event"
        return self.event.shop, self.event.data.refund_id


_READ = Kept({OrderRefunded: (*REFUND_FIELDS, "in_all_at")})


def said_of(refund: Event[OrderRefunded]) -> str:
    """What a counted refund is judged by, together with others of its order, as JSON; nothing personal is in it."""
    return _READ.dump(refund)


def paid_back(at: datetime, amount: int, said: str) -> PaidBack:
    """A counted refund of goods and freight together, as its order knows it; `said` as `said_of` gives it."""
    known = orjson.loads(said)
    in_all_at = known.get("in_all_at")
    return PaidBack(
        at,
        amount,
        None if in_all_at is None else datetime.fromisoformat(in_all_at),
        known.get("counted_before", 0),
    )


def place_of(shop: str, refund_id: str) -> str:
    """The place that the body of a refund that is not counted is sealed in at."""
    return f"refund:{shop}:{refund_id}"
