"""Who brought whom."""

from __future__ import annotations

from typing import ClassVar, Literal

from common.events.envelope import EventData
from common.events.fields import Count, Identifier, Text


class ReferralMade(EventData):
    """The customer, who is new, came by the code of `referrer` (MEM-087); `held`: a person looks at it first."""

    TYPE: ClassVar[str] = "referral.made"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 260
    referral_id: Identifier
    referrer: Identifier
    held: bool = False


class ReferralNews(EventData):
    """Of one of the two whom a referral concerns; `round`: 2 where the first reward was taken back, and so on."""

    TOPIC: ClassVar[str] = "membership"
    referral_id: Identifier
    round: Count
    role: Literal["referrer", "referee"]

    @property
    def origin(self) -> str:
        """What names the reward for ever."""
        return f"referral/{self.referral_id}-{self.role}-{self.round}"


class ReferralCompleted(ReferralNews):
    """An order of the new customer counts: the reward is due, once (MEM-087). `form` says which field holds it."""

    TYPE: ClassVar[str] = "referral.completed"
    RANK: ClassVar[int] = 261
    form: Literal["points", "coupon", "gift", "none"]
    points: Count | None = None
    offer_id: Identifier | None = None
    gift: Text | None = None


class ReferralReversed(ReferralNews):
    """No order of the new customer counts any more, or a merge shows that there was none: the reward is taken back."""

    TYPE: ClassVar[str] = "referral.reversed"
    RANK: ClassVar[int] = 262
