"""What a tier gives besides price and points: entitlements, and quotas by calendar period (MEM-029 to 043)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.values.names import READ

Kind = Literal[
    "free_shipping",
    "free_return",
    "priority_service",
    "dedicated_agent",
    "birthday_gift",
    "birthday_discount",
    "early_access",
    "limited_goods",
    "trial_priority",
    "lounge",
    "private_groups",
    "events",
    "status_goods",
    "value_added_service",
]
"""The catalogue of MEM-033 to 043; `lounge` and the like are records of an entitlement, which a third party honours."""
BIRTHDAY: tuple[Kind, ...] = ("birthday_gift", "birthday_discount")
Days = Annotated[int, Field(ge=0, le=60, strict=True)]


class Benefit(BaseModel):
    """One benefit of a tier; with `uses` it is a quota of so many in each calendar period of `months` (C-7).

    Periods are counted from January in the shop's zone. `carry_over`: so many unused ones of the period before may be
    used besides. `days_before` and `days_after` are around the birthday; `hours` is the head start of early access.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    uses: Annotated[int, Field(ge=1, le=1_000, strict=True)] | None = None
    months: Literal[1, 2, 3, 4, 6, 12] | None = None
    carry_over: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 0
    days_before: Days = 0
    days_after: Days = 0
    hours: Annotated[int, Field(ge=1, le=8_760, strict=True)] | None = None
    note: Annotated[str, Field(max_length=200, description=READ)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _once_a_birthday(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("kind") in BIRTHDAY:
            return {"uses": 1, "months": 12, **given}
        return given

    @model_validator(mode="after")
    def _coherent(self) -> Benefit:
        if (self.uses is None) != (self.months is None):
            raise ValueError(f"the quota of {self.kind} needs both `uses` and `months`, or neither")
        if self.carry_over and self.uses is None:
            raise ValueError(f"{self.kind} has no quota of which anything could be carried over")
        if self.kind == "free_shipping" and self.uses is None:
            raise ValueError("free_shipping needs a quota: `uses` in each period of `months`")
        if (self.kind == "early_access") != (self.hours is not None):
            raise ValueError("`hours`, the head start, belongs to early_access, which needs it")
        if self.kind in BIRTHDAY and (self.uses, self.months, self.carry_over) != (1, 12, 0):
            raise ValueError(f"{self.kind} is given once a birthday: leave `uses`, `months` and `carry_over` out")
        if self.kind not in BIRTHDAY and (self.days_before or self.days_after):
            raise ValueError(f"`days_before` and `days_after` are around a birthday; {self.kind} has none")
        return self


def free_shipping(uses: int, months: Literal[1, 2, 3, 4, 6, 12]) -> Benefit:
    return Benefit(kind="free_shipping", uses=uses, months=months)


def _given(*kinds: Kind) -> tuple[Benefit, ...]:
    return tuple(Benefit(kind=kind) for kind in kinds)


_BIRTHDAY_GIFT = Benefit(kind="birthday_gift")
OF_REGULAR = (free_shipping(1, 3), _BIRTHDAY_GIFT)
OF_SENIOR = (free_shipping(1, 2), _BIRTHDAY_GIFT, Benefit(kind="early_access", hours=12), *_given("trial_priority"))
OF_VIP = (
    free_shipping(1, 1),
    _BIRTHDAY_GIFT,
    Benefit(kind="early_access", hours=24),
    *_given("trial_priority", "limited_goods", "priority_service", "free_return", "private_groups"),
)
OF_SUPREME = (
    free_shipping(2, 1),
    _BIRTHDAY_GIFT,
    Benefit(kind="early_access", hours=48),
    *_given("trial_priority", "limited_goods", "priority_service", "dedicated_agent", "free_return"),
    *_given("private_groups", "events", "lounge", "status_goods"),
)
"""The quotas are the sources' (MEM-029 to 032); who gets which of the others was chosen for this project."""
