"""What became of a message once handed over: what the provider says, that it was read, that a link was followed; and
what a person saw in the provider's log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Said = Literal["delivered", "undelivered", "clicked", "read", "taken", "never_taken"]
"""`taken`, `never_taken`: by a person, of a message in doubt. Kinds of their own, so that nothing of the provider's is
kept out by them, or counts otherwise beside them (0106)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """`code`: the gateway's own word for it, the link's number, or who looked into the log; `at`: when we learnt it.
    Each kind is kept once a message, so that receipts may come in any order and any number of times (M4); where both
    were said, it was delivered."""

    shop: str
    message_id: str
    said: Said
    code: str | None
    at: datetime
