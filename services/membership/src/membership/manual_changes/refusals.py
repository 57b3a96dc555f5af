"""Why a change by hand is not made."""

from __future__ import annotations

from datetime import datetime

from common.refusals import Conflict, Forbidden, Invalid, NotFound
from common.values.people import is_named_alike


class UnknownChange(NotFound):
    def __init__(self, command_id: str) -> None:
        super().__init__("unknown_change", f"No change {command_id!r} was asked for in this shop.")


class ChangeDiffers(Conflict):
    def __init__(self, command_id: str) -> None:
        super().__init__(
            "change_differs",
            f"The change {command_id!r} was asked for before with other contents: give this one a new id.",
        )


class ChangeDecided(Conflict):
    def __init__(self, command_id: str, state: str, at: datetime | None) -> None:
        super().__init__(
            "change_decided",
            f"The change {command_id!r} is {state} already: ask for another under a new id.",
            state=state,
            decided_at=at,
        )


class SamePerson(Forbidden):
    def __init__(self, asked_by: str, by: str) -> None:
        shared = "" if is_named_alike(asked_by, by) else _SHARED.format(by=by)
        super().__init__(
            "same_person",
            f"{asked_by!r} asked for this change: another person has to approve it, or refuse it instead.{shared}",
        )


_SHARED = " To this rule all names of one key are one person, {by!r} as well, unless it has the scope `people:vouch`."


class TooManyGrants(Conflict):
    def __init__(self, by: str, most: int) -> None:
        super().__init__(
            "too_many_grants",
            f"{by!r} has granted {most} tiers this month, which is the most (`approvals.tiers_a_month`): let another"
            " person ask, or raise it in the programme.",
            most=most,
        )


class NoSuchTier(Invalid):
    def __init__(self, tier: str, known: list[str]) -> None:
        super().__init__(
            "no_such_tier", f"The programme has no tier of the id {tier!r}: {', '.join(known)}.", tiers=known
        )


class TierHeldAlready(Conflict):
    def __init__(self, tier: str, held: str) -> None:
        super().__init__(
            "tier_held",
            f"The member holds {held!r}: only a higher tier can be granted, or in grace the same; {tier!r} is neither.",
            held=held,
        )


class KeyNotHere(Conflict):
    """The customer's data key has not come, so the reason could not be stored encrypted."""

    def __init__(self, customer: str) -> None:
        super().__init__(
            "unknown_customer",
            f"Customer {customer} is not known here yet: send the customer or an order to orders-ingest, "
            "then repeat this.",
        )
