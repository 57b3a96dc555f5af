"""What is due of what feedback announces, in which form, and what it is worth in points; pure."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from common.events.feedback import ContentEvent, RewardDecided, TicketEvent
from common.events.membership import ReferralCompleted
from common.values.people import is_same_person
from membership.payouts.refusals import PaidEnoughAlone, PayoutNeedsAnother
from membership.programme.payouts import PayoutRules

Kind = Literal["compensation", "reward", "referral", "content"]
OF_ORDERS: tuple[Kind, ...] = ("reward", "content")
"""Kinds whose ground is the order that they name: they go when it is given back whole."""
Form = Literal["points", "coupon", "cash", "gift"]
State = Literal["due", "paid", "blocked", "reversed"]
Why = Literal[
    "order_void", "content_withdrawn", "review_paid", "other_currency", "offer_over", "kept_before",
    "referral_reversed",
]  # fmt: skip
"""Why a payout is blocked or reversed: its order was closed or given back whole, its content withdrawn, something else
was paid for its review, its amount is not in the shop's currency, there is no coupon of its offer any more, its like of
an earlier round was kept, the friend's order counts no more."""


class Due(NamedTuple):
    """To be paid out once: `source_id` is the ticket, the claim, the content or what names the referral; `by`: who
    decided.

    `amount` in minor units of `currency`; a referral and content have none, but `points`, a coupon of `offer_id`, or a
    `gift`. `order_id` is the ground of a reward: it goes when the order does. A review, `review_id`, is paid for once.
    """

    kind: Kind
    source_id: str
    form: Form
    amount: int
    currency: str
    order_id: str | None
    by: str | None
    points: int | None = None
    offer_id: str | None = None
    gift: str | None = None
    review_id: str | None = None

    @property
    def origin(self) -> str:
        """What names it for ever: `compensation/<ticket>`, `reward/<claim>`, `content/<id>`,
        `referral/<id>-<role>-<round>`."""
        return f"{self.kind}/{self.source_id}"


def due_of(data: Any, rules: PayoutRules) -> Due | None:
    """What the event makes due; None: nothing that membership pays. A ticket's refund and new parcel are the shop's."""
    if isinstance(data, RewardDecided):
        if data.state != "approved" or rules.review_reward == "none" or not data.amount:
            return None
        return Due(
            "reward",
            data.claim_id,
            rules.review_reward,
            data.amount,
            data.currency,
            data.order_id,
            data.by,
            review_id=data.review_id,
        )
    if isinstance(data, ContentEvent):
        earned = data.reward
        if earned is None:
            return None
        given = (earned.points, earned.offer_id, earned.gift)
        return Due(
            "content", data.content_id, earned.form, 0, "", data.order_id, data.decided_by, *given, data.review_id
        )
    if isinstance(data, ReferralCompleted):
        if data.form == "none":
            return None
        source_id = data.origin.partition("/")[2]
        return Due("referral", source_id, data.form, 0, "", None, None, data.points, data.offer_id, data.gift)
    if isinstance(data, TicketEvent):
        made = data.compensation
        if made is None or made.state != "granted" or made.kind not in ("points", "coupon") or not made.amount:
            return None
        form: Form = "points" if made.kind == "points" else "coupon"
        by = made.decided_by or made.proposed_by
        return Due("compensation", data.ticket_id, form, made.amount, made.currency, data.order_id, by)
    return None


def rounds_before(origin: str) -> list[str]:
    """Origins of the same reward in the rounds before: `referral/<id>-<role>-<round>`."""
    name, _, number = origin.rpartition("-")
    return [f"{name}-{earlier}" for earlier in range(1, int(number))]


def points_for(amount: int, per_unit_worth: int, unit: int) -> int:
    """Points worth at least the amount: `per_unit_worth` points are worth `unit` minor units; rounded up."""
    return -(-amount * per_unit_worth // unit)


def origin_of_content(content_id: str) -> str:
    return f"content/{content_id}"


def after_ground(state: State) -> State:
    """What a reward is when its ground has gone (MEM-070): not paid any more, or taken back."""
    return {"due": "blocked", "paid": "reversed"}.get(state, state)  # type: ignore[return-value]  # of the same literals


def check_cash(
    payout_id: str,
    amount: int,
    people: tuple[str | None, str],
    of_customer: int,
    by_person: int,
    rules: PayoutRules,
    *,
    domestic: bool,
) -> None:
    """`people`: who approved the cash, and who says to have paid it; a payout that a rule approved has nobody.

    `of_customer`: what the customer was paid today by those who had approved it themselves, so that a large payout
    cannot be made of many small ones; `by_person`: what this person has paid so today, to whomever (SEC-012).
    `domestic`: it is in the shop's currency of now, as the bounds are; of another nobody can say that it is within
    them, so another person than who approved it pays. What a rule approved has nobody else who could, and is held
    against the bounds as they stand. Raises PayoutNeedsAnother, PaidEnoughAlone.
    """
    unknown = not domestic and people[0] is not None
    if not is_alone(*people):
        return
    if unknown or amount + of_customer > rules.cash_alone:
        raise PayoutNeedsAnother(payout_id, people[1], rules.cash_alone)
    if amount + by_person > rules.cash_a_day:
        raise PaidEnoughAlone(people[1], rules.cash_a_day)


def is_alone(approved_by: str | None, paid_by: str) -> bool:
    """Whether nobody else has looked at it."""
    return approved_by is None or is_same_person(approved_by, paid_by)
