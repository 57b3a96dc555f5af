"""Which tribe a customer belongs to, and how sure that is."""

from __future__ import annotations

from typing import get_args

import pytest

from segmentation.tribes.rules import TRIBES, Seen, TribeName, place
from segmentation.tribes.strategies import STRATEGIES


@pytest.mark.parametrize(
    ("seen", "tribe", "confidence"),
    [
        (Seen(2025, 1960), "elderly", "low"),
        (Seen(2025, 1960, "homebody", completed=5), "elderly", "high"),
        (Seen(2025, 1965), None, "low"),  # may be 56
        (Seen(2025, 1980, "white_collar", "male", "tier_1", "important_value"), "boss", "high"),
        (Seen(2025, 1980, rfm_class="important_keep"), "boss", "low"),
        (Seen(2025, 1995, "homebody", "female"), "housewife", "medium"),
        (Seen(2025, None, "homebody", "female", completed=2), "housewife", "low"),
        (Seen(2025, 2000, "student", "male", "tier_2", "general_value"), "ant_tribe", "high"),
        (Seen(2025, 2000, "student", "male", "tier_2"), None, "low"),  # what is spent is not known
        (Seen(2025, 1990, "white_collar", rfm_class="general_value"), "white_collar", "medium"),
        (Seen(2025, None, "civil_servant"), "white_collar", "low"),
        (Seen(2025), None, "low"),
    ],
)
def test_seg_092_to_096_the_first_tribe_whose_needed_signs_are_seen(
    seen: Seen, tribe: str | None, confidence: str
) -> None:
    found = place(seen)
    assert (found.tribe, found.confidence) == (tribe, confidence)
    assert bool(found.evidence) == (tribe is not None)


def test_each_tribe_has_its_strategy_and_nobody_is_of_two_ages() -> None:
    assert set(TRIBES) == set(STRATEGIES) == set(get_args(TribeName))
    years = {place(Seen(2025, born, rfm_class="general_value")).tribe for born in range(1900, 2030, 5)}
    assert years == {None, "elderly", "ant_tribe"}
