"""Who is in which arm of a campaign, what may be done with one, and when it stops by itself. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from common.events.customers import Channel
from common.values.currency import in_major
from messaging.campaigns.document import HOLD_OUT, CampaignDocument, State
from messaging.campaigns.lift import Lift
from messaging.flows.document import Check

Action = Literal["start", "pause", "resume", "stop"]
_LEADS: dict[tuple[Action, State], State] = {
    ("start", "draft"): "running",
    ("pause", "running"): "paused",
    ("resume", "paused"): "running",
    ("stop", "running"): "stopped",
    ("stop", "paused"): "stopped",
}


CHANNELS: tuple[Channel, ...] = get_args(Channel)
Mailboxes = Mapping[Channel, bytes]
"""The keyed hash of a person's address on each channel."""


def share_of(shop: str, salt: str, drawn: str) -> float:
    """A number from 0 to 1 that is always the same for what is drawn and the salt, and as good as random over many."""
    digest = hashlib.sha256(f"{shop}|{salt}|{drawn}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def drawn_by(customer: str, mailboxes: Mailboxes, channels: Iterable[Channel] = ()) -> str:
    """What decides a person's arm: the mailbox on the first of these channels, else on the first of any, else the id.

    So all ids of one mailbox are in one arm, and nobody who is held out is written to under another id.
    """
    for channel in (*channels, *CHANNELS):
        if channel in mailboxes:
            return mailboxes[channel].hex()
    return customer


def arm_of(
    document: CampaignDocument,
    shop: str,
    customer: str,
    global_hold_out_percent: int,
    mailboxes: Mailboxes | None = None,
    channels: Sequence[Channel] = (),
) -> str:
    """The variant that the customer gets; `hold_out`: none. Sticky: it does not depend on when, nor on who else is in.

    `channels`: the campaign's. The shop's own hold-out is the same mailboxes in every campaign, whatever its channels.
    """
    boxes = mailboxes or {}
    if (
        global_hold_out_percent
        and share_of(shop, "every campaign", drawn_by(customer, boxes)) * 100 < global_hold_out_percent
    ):
        return HOLD_OUT
    drawn = drawn_by(customer, boxes, channels)
    if share_of(shop, f"{document.campaign}/hold out", drawn) * 100 < document.hold_out_percent:
        return HOLD_OUT
    weights = sum(v.weight for v in document.variants)
    place = share_of(shop, f"{document.campaign}/variant", drawn) * weights
    for variant in document.variants:
        place -= variant.weight
        if place < 0:
            return variant.name
    return document.variants[-1].name


def after(action: Action, state: State) -> State | None:
    """The state that an action leads to; None where it is not for one in this state."""
    return _LEADS.get((action, state))


def other_currency(document: CampaignDocument, currency: str) -> list[str]:
    """What its money is wrong for, where the shop's currency is this one: an amount is never read in another (0070)."""
    said = document.cost_per_message or document.stop.cost_per_extra_order
    if not said or document.currency in (None, currency):
        return []
    name = "cost_per_message" if document.cost_per_message else "stop.cost_per_extra_order"
    return [
        f"{name}: it is said in {document.currency}, and the shop's currency is {currency}; "
        f"say it in {currency}, and leave currency away"
    ]


def not_ready(document: CampaignDocument) -> list[str]:
    """What is still to be done before it may start."""
    found = [f"checklist: {task.task}" for task in document.checklist if not task.done]
    return [*found, *(f"assets: {asset.name} is not approved" for asset in document.assets if not asset.approved)]


def values_of(document: CampaignDocument) -> list[dict[str, str]]:
    """Samples of the values that its messages have of their own: only of an offer is there a coupon for everybody."""
    with_coupon = {"coupon": "SPRING-1"}
    return [with_coupon] if document.offer is not None else [{}, with_coupon]


def must_stop(document: CampaignDocument, sent: int, opted_out: int, bounced: int) -> str | None:
    """Why the campaign stops by itself, in words; None while it does no harm (MSG-062)."""
    stop = document.stop
    if sent + bounced < stop.after:
        return None
    if opted_out * 1000 > stop.opt_outs_per_thousand * max(1, sent):
        return f"{opted_out} opt-outs after {sent} messages, {stop.opt_outs_per_thousand} in a thousand are allowed"
    if bounced * 1000 > stop.bounces_per_thousand * (sent + bounced):
        return f"{bounced} bounces of {sent + bounced} messages, {stop.bounces_per_thousand} in a thousand are allowed"
    return None


def too_dear(document: CampaignDocument, handed_over: int, cost: int, found: Lift | None) -> str | None:
    """Why the campaign stops for its cost (XCT-010); None while an extra order may cost no more than it is allowed to.

    By the upper end of the interval of what it brought, so that chance stops none; never without a hold-out.
    """
    allowed = document.stop.cost_per_extra_order
    if allowed is None or found is None or handed_over < document.stop.after:
        return None
    most = max(0.0, found.high * found.customers)
    if cost <= allowed * most:
        return None
    currency = document.currency
    assert currency is not None, "it was set at the start"
    said = f"{in_major(cost, currency)} {currency} for {most:.1f} extra orders at most"
    return f"{said}, by those whose days are over; {in_major(allowed, currency)} each are allowed"


def leading(document: CampaignDocument) -> tuple[str | None, list[str]]:
    """The condition of the group that an index finds: (subject, its values); None: everybody is looked at."""
    for check in document.group:
        wanted = _values(check)
        # Orders are numbered by identifier: no row says how many a person of several has (ORD-040). What each order
        # changes is in no index.
        if wanted and check.what not in ("orders", "points"):
            return check.what, wanted
    return None, []


def _values(check: Check) -> list[str]:
    if check.is_ is not None:
        return [str(check.is_)]
    return [str(value) for value in check.in_ or ()]
