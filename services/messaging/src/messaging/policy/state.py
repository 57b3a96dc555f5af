"""The shop's rules of contact: versioned programme configuration (defaults.md, Messages)."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.customers import Channel
from common.values.addresses import mail_address
from messaging.limits.contact_hours.rules import DEFAULT_WINDOWS, Window

Cap = Annotated[int, Field(ge=0, le=1000, strict=True)]
Days = Annotated[int, Field(ge=1, le=365, strict=True)]
MailAddress = Annotated[str, AfterValidator(mail_address), Field(max_length=320)]


class Caps(BaseModel):
    """Most messages a customer gets in a calendar month of the shop's zone (MSG-007, C-8)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    marketing_by_channel: dict[Channel, Cap] = {"email": 3, "sms": 3, "chat": 3}
    all_channels: Cap = 6
    survey_every_days: Days = 30

    def for_channel(self, channel: Channel) -> int:
        """A channel without a cap of its own is bounded by `all_channels`."""
        return self.marketing_by_channel.get(channel, self.all_channels)


class StaleAfter(BaseModel):
    """Days since the cause after which a message is not worth sending any more."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    marketing: Days = 3
    survey: Days = 14
    transactional: Days = 7


class Policy(BaseModel):
    """One version of a shop's rules of contact."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    windows: tuple[Window, ...] = Field(default=DEFAULT_WINDOWS, min_length=1, max_length=24)
    blackout_dates: tuple[date, ...] = Field(default=(), max_length=366)
    caps: Caps = Caps()
    stale_after_days: StaleAfter = StaleAfter()
    sender_name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]+$")] | None = None
    sender_address: MailAddress = "no-reply@regulars.example"
    reply_to: MailAddress | None = None
    transactional_attempts: Annotated[int, Field(ge=1, le=20, strict=True)] = 6

    @property
    def reads_answers(self) -> bool:
        """Somebody reads what a customer answers to a mail: texts ask for an answer only then."""
        return self.reply_to is not None

    @model_validator(mode="after")
    def _apart(self) -> Policy:
        ordered = sorted(self.windows, key=lambda w: w.start)
        for earlier, later in pairwise(ordered):
            if later.start < earlier.end:
                raise ValueError(f"windows overlap: {earlier.start}-{earlier.end} and {later.start}-{later.end}")
        return self


DEFAULT_POLICY = Policy()
