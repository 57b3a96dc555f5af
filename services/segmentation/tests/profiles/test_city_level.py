"""The level of a city by its name."""

from __future__ import annotations

import pytest

from segmentation.profiles.rules import city_level


@pytest.mark.parametrize(
    ("region", "city", "level"),
    [
        (None, "上海", "tier_1"),
        ("上海市", None, "tier_1"),
        ("廣東", "廣州", "tier_1"),
        ("浙江省", "杭州市", "tier_2"),
        ("重庆市", "万州区", "tier_2"),
        ("河南省", "洛阳市", "tier_3_4"),
        ("吉林省", "吉林市", "tier_3_4"),
        ("新疆维吾尔自治区", "乌鲁木齐", "remote"),
        ("西藏", None, "remote"),
        ("Bayern", "München", None),
        (None, None, None),
        (None, "洛阳", None),
    ],
)
def test_seg_039_the_level_of_a_city(region: str | None, city: str | None, level: str | None) -> None:
    assert city_level(region, city) == level
