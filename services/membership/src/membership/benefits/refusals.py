"""Why a benefit is not used, committed or released."""

from __future__ import annotations

from datetime import date

from common.refusals import Conflict, Invalid, NotFound


class BenefitNotHeld(Conflict):
    def __init__(self, kind: str, tier: str) -> None:
        super().__init__("benefit_not_held", f"The tier {tier!r} does not give {kind}: see the member's benefits.")


class BenefitWithoutQuota(Invalid):
    def __init__(self, kind: str) -> None:
        super().__init__(
            "benefit_without_quota", f"{kind} is not counted: it holds as long as the tier does, nothing is reserved."
        )


class QuotaExhausted(Conflict):
    def __init__(self, kind: str, uses: int, next_period: date) -> None:
        super().__init__(
            "quota_exhausted",
            f"The {uses} of {kind} in this period are used: the next one begins on {next_period.isoformat()}.",
            next_period=next_period,
        )


class NotTheBirthday(Conflict):
    def __init__(self, kind: str) -> None:
        super().__init__("not_the_birthday", f"{kind} is for the birthday alone, and this is not its day.")


class BirthdayNeeded(Invalid):
    def __init__(self, kind: str) -> None:
        super().__init__("birthday_needed", f"{kind} needs the member's `birthday` as MM-DD, which is not stored.")


class BenefitOrderEnded(Conflict):
    def __init__(self, order_id: str) -> None:
        super().__init__("order_not_open", f"The order {order_id!r} is closed or refunded: nothing is reserved on it.")


class UnknownUse(NotFound):
    def __init__(self, kind: str, order_id: str) -> None:
        super().__init__("unknown_use", f"Nothing of {kind} was reserved on the order {order_id!r}.")


class UseEnded(Conflict):
    def __init__(self, kind: str, order_id: str, status: str) -> None:
        super().__init__("use_ended", f"The use of {kind} on the order {order_id!r} is {status}.", state=status)
