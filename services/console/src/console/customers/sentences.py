"""What moved a member's points, in a sentence for each kind of line of the statement."""

from __future__ import annotations

from typing import Any

from console.texts import N_

LINES = {
    "order.paid": N_("Order {order} was paid: what it earns is pending until it completes."),
    "order.completed": N_("Order {order} completed: what it earned may be spent."),
    "order.closed": N_("Order {order} was closed: what it had earned is gone, what was redeemed on it is back."),
    "order.refunded": N_("A refund of order {order}: what it had earned is gone, what was redeemed on it is back."),
    "points.redeemed": N_("Points were redeemed: {redemption}."),
    "points.redemption_returned": N_("Redemption {redemption} was taken back: its points are back with their expiry."),
    "member.checked_in": N_("The member checked in."),
    "expiry": N_("Points expired unspent."),
    "programme": N_("A programme version that came late counts everything anew."),
    "settings": N_("A setting of the shop that came late counts everything anew."),
    "points.adjusted": N_("The shop's people adjusted the points."),
    "anniversary": N_("A year as a member."),
    "merge": N_("It turned out who is one person with the member, or is not: all is counted anew."),
}
PAID_OUT = {
    "compensation": N_("Compensation for a complaint."),
    "reward": N_("Reward for a review."),
    "content": N_("Reward for something the member made."),
    "referral": N_("Reward of a referral."),
}
TAKEN_BACK = {
    "reward": N_("The reward for a review was taken back: its order was closed or given back whole."),
    "content": N_("The reward for something the member made was taken back: that was withdrawn, or its order."),
    "referral": N_("The reward of a referral was taken back: no order of the new customer counts any more."),
}
_OTHER = N_("Points moved: {kind}.")


def sentence(line: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The English text of the line and what stands in its braces; of a kind of another release its name."""
    if line["order_id"] is None and line["kind"].startswith("order."):
        return _OTHER, {"kind": line["kind"]}
    of_payouts = {"points.paid_out": PAID_OUT, "points.payout_reversed": TAKEN_BACK}.get(line["kind"], {})
    text = of_payouts.get((line.get("origin") or "").partition("/")[0]) or LINES.get(line["kind"], _OTHER)
    known = {"order": line["order_id"], "redemption": line["redemption_id"], "kind": line["kind"]}
    return text, {name: str(value) for name, value in known.items() if f"{{{name}}}" in text}
