"""Versions of the programme, and that membership has forgotten a customer."""

from __future__ import annotations

from typing import Any, ClassVar

from common.events.customers import ErasureConfirmed
from common.events.envelope import EventData, NewVersion
from common.events.fields import Number


class ProgrammeChanged(NewVersion):
    """A new version of the shop's programme, in force from `valid_from`; no customer concerned."""

    TYPE: ClassVar[str] = "programme.changed"
    TOPIC: ClassVar[str] = "membership"
    programme: dict[str, Any]


class ProgrammeWithdrawn(EventData):
    """A version that was to come into force never does; no customer concerned."""

    TYPE: ClassVar[str] = "programme.withdrawn"
    TOPIC: ClassVar[str] = "membership"
    RANK: ClassVar[int] = 20
    version: Number


class MembershipErased(ErasureConfirmed):
    TYPE: ClassVar[str] = "membership.customer_erased"
    TOPIC: ClassVar[str] = "membership"
