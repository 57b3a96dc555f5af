"""From when on somebody may take a place, and who wins a draw; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Literal

from membership.activities.terms import Activity
from membership.benefits.rules import opens_at
from membership.programme.programme import Tier

Status = Literal["invited", "taken", "given_back", "attended", "absent"]
TAKING_PART: tuple[Status, ...] = ("taken", "attended")


def may_take_from(activity: Activity, tier: Tier | None) -> datetime | None:
    """When a place may be taken first, by a member of that tier (None: no member); None: never without invitation."""
    found = []
    if activity.public_from is not None:
        found.append(opens_at(activity.public_from, tier.benefit("early_access") if tier is not None else None))
    if activity.members_from is not None and tier is not None and activity.benefit is not None:
        found += [activity.members_from] if tier.benefit(activity.benefit) is not None else []
    return min(found, default=None)


def seed_hash(seed: str) -> str:
    """What is shown of the seed before the draw, so that everybody sees afterwards that it was not chosen for it."""
    return hashlib.sha256(seed.encode()).hexdigest()


def winners(seed: str, customers: Collection[str], prizes: int) -> list[str]:
    """Those with the lowest SHA-256 of `<seed>/<customer>`, the first prize first: anybody can compute it again."""
    return sorted(customers, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())[:prizes]
