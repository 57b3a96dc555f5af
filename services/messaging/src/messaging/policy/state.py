"""The shop's rules of contact: versioned programme configuration."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.customers import Channel
from common.values.addresses import InvalidAddress, mail_address, mailbox
from common.values.names import ShownName
from messaging.limits.caps.state import Caps, Days
from messaging.limits.contact_hours.state import DEFAULT_WINDOWS, Window
from messaging.limits.fatigue.rules import Fatigue
from messaging.limits.variety.rules import Variety

MailAddress = Annotated[str, AfterValidator(mail_address), Field(max_length=320)]
EVERYBODYS = "no-reply@regulars.example"
"""The sender of shops that name none: no shop's own."""


def written_to(address: str) -> str:
    """The one form of the mailbox that gets what is written there: without what some servers let stand behind a plus.
    '' where it is none."""
    try:
        local, _, domain = mailbox(address).rpartition("@")
    except InvalidAddress:
        return ""
    return f"{local.partition('+')[0]}@{domain}"


class StaleAfter(BaseModel):
    """Days since the cause after which a message is not worth sending any more."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    marketing: Days = 3
    survey: Days = 14
    transactional: Days = 7


SegmentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]


class SegmentWindows(BaseModel):
    """Windows of a group's own, by its buying rhythm (MSG-006), for customers who are in the segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    segment: SegmentName
    windows: tuple[Window, ...] = Field(min_length=1, max_length=24)

    @model_validator(mode="after")
    def _windows_apart(self) -> SegmentWindows:
        check_apart(self.windows)
        return self


Owner = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]+$")]


class VipDesk(BaseModel):
    """People of their own for customers of these tiers or segments: what they write back is a task of `owner`'s, to be
    answered within so many hours (MSG-027)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    tiers: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(max_length=20)] = ()
    segments: Annotated[tuple[SegmentName, ...], Field(max_length=20)] = ()
    owner: Owner
    answer_within_hours: Annotated[int, Field(ge=1, le=168, strict=True)] = 4

    @model_validator(mode="after")
    def _somebody(self) -> VipDesk:
        if not self.tiers and not self.segments:
            raise ValueError("vip_desk: name the tiers or segments that it is for")
        return self


Network = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="a-z, 0-9 and _: weibo, wechat")]


class SocialDesk(BaseModel):
    """The persons who answer what customers say on social networks: of one network `by_network`, else `owner`
    (MSG-028)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    owner: Owner
    by_network: Annotated[dict[Network, Owner], Field(max_length=20)] = {}
    answer_within_hours: Annotated[int, Field(ge=1, le=168, strict=True)] = 24

    def owner_of(self, network: str) -> str:
        """Who answers on this network."""
        return self.by_network.get(network, self.owner)


class Policy(BaseModel):
    """One version of a shop's rules of contact. `channels`: a message is asked for on each of them, and with
    `one_channel` sent by the first of them that may be used (MSG-020): put the cheapest first.

    `segment_windows`: in place of `windows`, those of the first segment that the customer is in. `count_clicks`: links
    of offers lead by way of us, which counts who followed them (MSG-057); off until the shop may do so by its
    customers' law. `by_reaction`: to each customer the channel goes first on which they react (MSG-015), and a
    reaction ends their fatigue as an order does (MSG-014). `hold_out_percent`: of the customers, always the same
    ones, come into no campaign (MSG-051).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    channels: tuple[Channel, ...] = Field(default=("email",), min_length=1, max_length=5)
    windows: tuple[Window, ...] = Field(default=DEFAULT_WINDOWS, min_length=1, max_length=24)
    segment_windows: tuple[SegmentWindows, ...] = Field(default=(), max_length=20)
    blackout_dates: tuple[date, ...] = Field(default=(), max_length=366)
    caps: Caps = Caps()
    fatigue: Fatigue = Fatigue()
    variety: Variety = Variety()
    one_channel: bool = False
    by_reaction: bool = False
    vip_desk: VipDesk | None = None
    social_desk: SocialDesk | None = None
    count_clicks: bool = False
    hold_out_percent: Annotated[int, Field(ge=0, le=50, strict=True)] = 0
    stale_after_days: StaleAfter = StaleAfter()
    sender_name: ShownName | None = None
    sender_address: MailAddress = EVERYBODYS
    reply_to: MailAddress | None = None
    transactional_attempts: Annotated[int, Field(ge=1, le=20, strict=True)] = 6

    @property
    def reads_answers(self) -> bool:
        """Somebody reads what a customer answers to a mail: texts ask for an answer only then."""
        return self.reply_to is not None

    @property
    def addresses(self) -> frozenset[str]:
        """The mailboxes to which customers write, each in its one form."""
        return frozenset(written_to(each) for each in (self.sender_address, self.reply_to) if each is not None)

    @property
    def own_addresses(self) -> frozenset[str]:
        """Those that no other shop may name meanwhile (SEC-001)."""
        return self.addresses - {EVERYBODYS}

    @model_validator(mode="after")
    def _apart(self) -> Policy:
        if len(set(self.channels)) < len(self.channels):
            raise ValueError("name each channel once")
        check_apart(self.windows)
        if len({group.segment for group in self.segment_windows}) < len(self.segment_windows):
            raise ValueError("segment_windows: name each segment once")
        return self

    def windows_for(self, segments: Collection[str]) -> Sequence[Window]:
        """The windows of a customer who is in these segments."""
        own = (group.windows for group in self.segment_windows if group.segment in segments)
        return next(own, self.windows)

    @property
    def all_windows(self) -> Sequence[Sequence[Window]]:
        """The windows of everybody, and of each group."""
        return [self.windows, *(group.windows for group in self.segment_windows)]


def check_apart(windows: Sequence[Window]) -> None:
    """Raises ValueError where two windows overlap."""
    for earlier, later in pairwise(sorted(windows, key=lambda w: w.start)):
        if later.start < earlier.end:
            raise ValueError(f"windows overlap: {earlier.start}-{earlier.end} and {later.start}-{later.end}")


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """`version` 0 is the default that holds where the shop has set nothing."""

    version: int
    policy: Policy
    at: datetime | None = None


DEFAULT_VERSION = PolicyVersion(0, DEFAULT_POLICY)


def in_force(versions: Sequence[PolicyVersion], at: datetime) -> PolicyVersion:
    """The newest of these versions, in order, that holds at `at`; the default before the first."""
    return next((v for v in reversed(versions) if v.at is not None and v.at <= at), DEFAULT_VERSION)
