"""Why a payout is not confirmed."""

from __future__ import annotations

from common.refusals import Conflict, Forbidden, NotFound


class UnknownPayout(NotFound):
    def __init__(self, payout_id: str) -> None:
        super().__init__("unknown_payout", f"There is no payout {payout_id!r} in this shop; GET …/payouts lists them.")


class PayoutNotDue(Conflict):
    def __init__(self, payout_id: str, state: str) -> None:
        super().__init__(
            "payout_not_due",
            f"The payout {payout_id!r} is {state}: only one that is due can be confirmed as paid, once.",
            state=state,
        )


class PayoutNeedsAnother(Forbidden):
    def __init__(self, payout_id: str, by: str, most: int) -> None:
        super().__init__(
            "payout_needs_another",
            f"{by!r} approved the payout {payout_id!r}: above {most} minor units for one customer in a day"
            " (`payouts.cash_alone`), and in another currency than the shop's, another person has to pay it.",
            most=most,
        )


class PaidEnoughAlone(Forbidden):
    def __init__(self, by: str, most: int) -> None:
        super().__init__(
            "paid_enough_alone",
            f"{by!r} would have paid more than {most} minor units today (`payouts.cash_a_day`) that nobody else has"
            " looked at: let another person pay, or pay tomorrow.",
            most=most,
        )
