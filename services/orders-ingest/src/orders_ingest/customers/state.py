"""A customer as a shop sends them, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class SentConsent:
    """`at` None: not said, so only a changed value is a statement, made when it is read."""

    channel: str
    purpose: str
    granted: bool
    source: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SentCustomer:
    """A customer as they stand; `profile` None leaves it as it is, `registered_at` None is now."""

    customer: str
    registered_at: datetime | None = None
    profile: dict[str, Any] | None = None
    consents: Sequence[SentConsent] = field(default_factory=tuple)


class KnownConsent(NamedTuple):
    """The newest consent of one channel and purpose."""

    granted: bool
    at: datetime

    @property
    def rank(self) -> tuple[datetime, bool]:
        """The greatest counts: of two at one instant the one that withdraws (SEC-005)."""
        return self.at, not self.granted


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """What is stored of a customer: `revision` None, no profile; `profile` opened; consents by (channel, purpose).

    `erased`: no profile is stored, and none is taken any more.
    """

    revision: int | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    consents: Mapping[tuple[str, str], KnownConsent] = field(default_factory=dict)
    erased: bool = False
