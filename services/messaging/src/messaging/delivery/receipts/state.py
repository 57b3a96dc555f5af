"""What a gateway says became of a message that it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Said = Literal["delivered", "undelivered"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """`code`: the gateway's own word for it; `at`: when we learnt it. Each of the two is kept once a message, so that
    receipts may come in any order and any number of times (M4); where both were said, it was delivered."""

    shop: str
    message_id: str
    said: Said
    code: str | None
    at: datetime
