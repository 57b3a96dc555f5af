"""Rules of churn reasons: what they are worth before anybody asks, and the win-back that fits each (SEG-016 to 018)."""

from __future__ import annotations

from typing import get_args

from common.events.segments import ChurnReason, LifeCycle
from segmentation.thresholds.state import Action, WinBackRules

REASONS: tuple[ChurnReason, ...] = get_args(ChurnReason)
SHARES: dict[ChurnReason, int] = {
    "service": 45,
    "nobody_cares": 20,
    "price": 15,
    "better_product": 15,
    "other": 5,
}
"""Percent of those who leave, before this shop knows better (SEG-017, T-2)."""
LEAVING: tuple[LifeCycle, ...] = ("pre_churn", "churned", "dead")


def win_back(life_cycle: LifeCycle | None, reason: ChurnReason | None, rules: WinBackRules) -> Action | None:
    """What to do for the customer: the reason's own action; the one of `other`, which asks, where none is recorded.

    None while the customer is not leaving, unless somebody has recorded that they are.
    """
    if reason is None and life_cycle not in LEAVING:
        return None
    action: Action = getattr(rules, reason or "other")
    return action


def why(life_cycle: LifeCycle | None, reason: ChurnReason | None) -> str:
    """The reason for the action in a sentence, for the shop's people."""
    if reason is not None:
        return f"the recorded reason is {_words(reason)}"
    if life_cycle not in LEAVING:
        standing = _words(life_cycle or "no buyer yet")
        return f"no reason is recorded, and the customer is {standing}: nobody is to be won back"
    return f"the customer is {_words(life_cycle)} and nobody knows why: ask first"


def _words(name: str) -> str:
    return name.replace("_", " ")
