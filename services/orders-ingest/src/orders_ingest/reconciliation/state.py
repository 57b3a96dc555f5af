"""What a comparison of one order comes to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

Kind = Literal["missed", "behind", "ahead", "refused", "absent"]
"""`missed`: we had not heard of it, applied. `behind`: ours was older, applied. `ahead`: ours is newer than the list.
`refused`: it could not be applied. `absent`: ours, of the period, and not in the list."""


class Ours(NamedTuple):
    """An order as it stands here."""

    state: str
    at: datetime
    currency: str
    goods_paid: int
    freight: int
    customer: str


class Finding(NamedTuple):
    """An order that differs, and why in words."""

    order_id: str
    kind: Kind
    detail: str


class Run(NamedTuple):
    """A comparison; `until` is exclusive, `ended_at` None while pages may still come; `found` counts by kind.

    `polled`: the system whose list is asked page by page, None where pages are sent; `trouble`: why its next page is
    waited for, or why the run ended before the list did.
    """

    run_id: str
    since: datetime
    until: datetime
    began_at: datetime
    ended_at: datetime | None
    same: int
    polled: str | None
    pages: int
    trouble: str | None
    found: dict[str, int]
