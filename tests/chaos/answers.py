"""What was asked of the services during a run, and what they answered: plain data for the checker.

acked: answered that it is done; failed: refused; unknown: no answer came, so it may be done or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ACKED, FAILED, UNKNOWN = "acked", "failed", "unknown"


@dataclass(slots=True)
class Checkout:
    """A cart that was reserved (`answer`), and then committed or voided (`ended`, by the answer `end`), or left.

    `coupon`, `quota`: whether the answer promised the coupon's discount, and a use of free shipping.
    """

    answer: str = UNKNOWN
    coupon: bool = False
    quota: bool = False
    ended: str | None = None
    end: str = UNKNOWN


@dataclass(slots=True)
class Referral:
    """A new customer `friend` by the code of `referrer`. Only where it is acked does the friend order anything."""

    referrer: str
    friend: str
    answer: str = UNKNOWN


@dataclass(slots=True)
class Ticket:
    """A complaint that was opened (`answer`), and resolved by an agent where `resolved` is an answer."""

    customer: str
    answer: str = UNKNOWN
    resolved: str | None = None


@dataclass(slots=True)
class Campaign:
    """The answers to its start, and to its last going on."""

    start: str = UNKNOWN
    resumed: str = UNKNOWN


@dataclass(slots=True)
class Answers:
    """By id: what became of events, of redemptions (their points are in `points`, by customer and id), and the rest.

    `merges`: by absorbed customer into whom it was merged by what was said last (None: into nobody), and its answer.
    """

    events: dict[str, str] = field(default_factory=dict)
    redemptions: dict[str, str] = field(default_factory=dict)
    points: dict[str, tuple[str, int]] = field(default_factory=dict)
    merges: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    referrals: dict[str, Referral] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    unanswered: int = 0

    def note(self, id_: str, answer: str) -> None:
        """acked stays acked: a later repeat that found no answer takes nothing back; a refusal settles a doubt."""
        if self.events.get(id_) != ACKED and not (answer == UNKNOWN and self.events.get(id_) == FAILED):
            self.events[id_] = answer
