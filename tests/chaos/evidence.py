"""The evidence of a run, as plain data for the checker: what stood in tables, the log and the mails at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID


class Fact(NamedTuple):
    """A row of an outbox."""

    seq: int
    id: str
    topic: str
    key: str
    type: str
    published: bool
    claim: UUID | None = None
    """Under what name its readers claim it; None for what is no event."""


class Logged(NamedTuple):
    """A record of the log."""

    topic: str
    partition: int
    offset: int
    key: str
    id: str


class CouponUse(NamedTuple):
    """A use of the coupon of which there are too few."""

    order_id: str
    customer: str
    status: str


class CouponCounts(NamedTuple):
    """Uses that stand, as the offer counts them, and as its code does; and how many there may be."""

    of_offer: int
    of_code: int
    limit: int


class CampaignCounts(NamedTuple):
    """What a campaign says of itself: whether it has come to its end, and how many it looked at, in which arm."""

    done: bool
    looked_at: int
    treated: int
    held_out: int


class Leg(NamedTuple):
    customer: str
    account: str
    lot: str
    amount: int
    cause: str


@dataclass(slots=True)
class Evidence:
    """`applied` counts, by place (taken, membership, segmentation), how often each of the shop's events stands there.

    `held` are refunds that wait for their order: the state of that order, "" where it was never sent.
    `merged` says, by service, into whom each absorbed customer went. `members` are the states stored by membership, by
    customer; `buyers` the orders and refunds that segmentation keeps.
    `quota` is by order what became of its use of free shipping. `referrals`: the state of each, by friend.
    `tickets`: the state of each and its entries by type. `complaints`: each ticket as messaging knows it, its newest
    word. `arms`: by campaign, how many customers are in each arm; `written`: its candidates, by customer.
    """

    applied: dict[str, Counter[str]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    merged: dict[str, dict[str, str]] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    buyers: dict[str, dict[str, Any]] = field(default_factory=dict)
    legs: list[Leg] = field(default_factory=list)
    coupon_uses: list[CouponUse] = field(default_factory=list)
    coupons: CouponCounts | None = None
    quota: dict[str, str] = field(default_factory=dict)
    referrals: dict[str, str] = field(default_factory=dict)
    tickets: dict[str, tuple[str, Counter[str]]] = field(default_factory=dict)
    complaints: dict[str, str] = field(default_factory=dict)
    campaigns: dict[str, CampaignCounts] = field(default_factory=dict)
    arms: dict[str, dict[str, str]] = field(default_factory=dict)
    written: dict[str, Counter[str]] = field(default_factory=dict)
    redemptions: list[tuple[str, str, int]] = field(default_factory=list)
    outboxes: dict[str, list[Fact]] = field(default_factory=dict)
    claims: dict[str, set[UUID]] = field(default_factory=dict)
    dead: dict[str, list[str]] = field(default_factory=dict)
    log: list[Logged] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    purposes: dict[str, str] = field(default_factory=dict)
