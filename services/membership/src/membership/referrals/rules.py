"""What a referral is, judged anew from all that is known: order of arrival does not matter; pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from membership.programme.referral import ReferralRules

State = Literal["made", "review", "refused", "rewarded", "reversed"]
Decision = Literal["none", "waiting", "passed", "refused"]
"""Of a person of the shop: none was needed; it waits; it may go on; it is refused."""
Signal = Literal[
    "same_device", "same_payment", "same_address", "shared_device", "shared_payment", "shared_address", "ring",
    "velocity",
]  # fmt: skip
SIGNALS: tuple[Signal, ...] = get_args(Signal)
TRAITS = ("device", "payment", "address")


class Known(NamedTuple):
    """`one_person`: both are one, after a merge; `bought_before`: an order was paid before the referral was made;
    `counting`: completed orders of the new customer that count, 0 where nothing was paid for all of them; `rounds`: how
    often it was rewarded; `first`: of all by which the new customer was brought, under whichever identifier.
    """

    decision: Decision
    one_person: bool
    bought_before: bool
    counting: int
    rounds: int
    first: bool = True


class Verdict(NamedTuple):
    """`why` it is refused."""

    state: State
    why: Literal["self_referral", "existing_customer", "another_referral", "by_hand"] | None = None


def judge(known: Known) -> Verdict:
    """Rewarded while an order of the new customer counts (MEM-087), and reversed when none does any more."""
    if known.decision == "refused":
        return Verdict("refused", "by_hand")
    if known.one_person:
        return Verdict("refused", "self_referral")
    if known.bought_before:
        return Verdict("refused", "existing_customer")
    if not known.first:
        return Verdict("refused", "another_referral")
    if known.decision == "waiting":
        return Verdict("review")
    if known.counting > 0:
        return Verdict("rewarded")
    return Verdict("reversed" if known.rounds else "made")


class Surroundings(NamedTuple):
    """What is known around a referral. By trait: hashes the two have, and how many others have the referee's.

    `brought_by`: by whom the referrer was brought, by whom that one, and so on.
    """

    of_referrer: Mapping[str, Collection[str]]
    of_referee: Mapping[str, Collection[str]]
    others: Mapping[str, int]
    brought_by: Collection[str]
    in_a_day: int


def signals(found: Surroundings, referee: Collection[str], rules: ReferralRules) -> tuple[Signal, ...]:
    """What speaks against the referral (SEC-014). `referee`: all identifiers of the new customer."""
    made: list[Any] = []
    for trait in TRAITS:
        if any(value in found.of_referrer.get(trait, ()) for value in found.of_referee.get(trait, ())):
            made.append(f"same_{trait}")
        if found.others.get(trait, 0) >= rules.shared_by:
            made.append(f"shared_{trait}")
    if any(name in found.brought_by for name in referee):
        made.append("ring")
    if found.in_a_day >= rules.a_day:
        made.append("velocity")
    return tuple(made)


def made_within(made: Sequence[datetime], at: datetime, span: timedelta) -> int:
    """How many of these instants, earliest first, lie within the span before `at`, without `at` itself."""
    return max(0, bisect_left(made, at) - bisect_right(made, at - span))
