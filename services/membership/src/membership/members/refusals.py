"""What is refused of a member."""

from __future__ import annotations

from common.refusals import Conflict, NotFound


class UnknownMember(NotFound):
    def __init__(self, customer: str) -> None:
        super().__init__(
            "unknown_member",
            f"{customer!r} is no member: the first completed order makes one, or POST /v1/shops/<shop>/members.",
        )


class ErasedCustomer(Conflict):
    def __init__(self, customer: str) -> None:
        super().__init__("customer_erased", f"{customer!r} was erased: nothing is kept of them any more.")
