"""What moved a member's points, in a sentence for each kind of line of the statement."""

from __future__ import annotations

from typing import Any

from console.texts import N_

LINES = {
    "order.paid": N_("Order {order} was paid: what it earns is pending until it completes."),
    "order.completed": N_("Order {order} completed: what it earned may be spent."),
    "order.closed": N_("Order {order} was closed: what it had earned is gone, what was redeemed on it is back."),
    "order.refunded": N_("A refund of order {order} took back what its amount had earned."),
    "points.redeemed": N_("Points were redeemed: {redemption}."),
    "points.redemption_returned": N_("Redemption {redemption} was taken back: its points are back with their expiry."),
    "member.checked_in": N_("The member checked in."),
    "expiry": N_("Points expired unspent."),
    "programme": N_("A programme version that came late counts everything anew."),
    "settings": N_("A setting of the shop that came late counts everything anew."),
    "points.adjusted": N_("The shop's people adjusted the points."),
}
_OTHER = N_("Points moved: {kind}.")


def sentence(line: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The English text of the line and what stands in its braces; of a kind of another release its name."""
    if line["order_id"] is None and line["kind"].startswith("order."):
        return _OTHER, {"kind": line["kind"]}
    text = LINES.get(line["kind"], _OTHER)
    known = {"order": line["order_id"], "redemption": line["redemption_id"], "kind": line["kind"]}
    return text, {name: str(value) for name, value in known.items() if f"{{{name}}}" in text}
