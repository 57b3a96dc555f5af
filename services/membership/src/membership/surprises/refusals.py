"""Why a member is not surprised."""

from __future__ import annotations

from common.refusals import Conflict


class SurpriseBudgetUsed(Conflict):
    def __init__(self, left: int) -> None:
        super().__init__(
            "surprise_budget_used",
            f"Of this month's budget {left} are left (minor units; `surprises.budget_a_month` of the programme).",
            left=left,
        )


class SurprisedEnough(Conflict):
    def __init__(self, customer: str, most: int) -> None:
        super().__init__(
            "surprised_enough",
            f"{customer!r} has had {most} in the last twelve months, which is the most (`surprises.a_member_a_year`).",
            most=most,
        )


class SurpriseDiffers(Conflict):
    def __init__(self, command_id: str) -> None:
        super().__init__("surprise_differs", f"The id {command_id!r} is that of another surprise: take a new one.")
