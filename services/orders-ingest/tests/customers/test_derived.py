"""What a profile says without being personal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.events.customers import CustomerUpdated
from orders_ingest.customers.derived import born_from, life_state
from orders_ingest.customers.profile import cleaned
from orders_ingest.customers.rules import fields_of

NOW = datetime(2025, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "state"),
    [
        ("北京市海淀区清华大学紫荆公寓3号楼", "student"),
        ("杭州市西湖区文三路学生宿舍12-304", "student"),
        ("上海市浦东新区陆家嘴环球金融大厦28层", "white_collar"),
        ("深圳市南山区科技园写字楼B座", "white_collar"),
        ("廣州市天河區人民法院", "civil_servant"),
        ("成都市锦江区阳光小区5栋2单元", "homebody"),
        ("12 College Road, Dormitory B", "student"),
        ("Canary Wharf Tower, floor 20", "white_collar"),
        ("Flat 4, Rose Apartments", "homebody"),
        ("Officers' Mess Lane 3", None),
        ("7 Towering Oaks Lane", None),
        ("", None),
    ],
)
def test_seg_040_an_address_tells_of_a_life_state(address: str, state: str | None) -> None:
    assert life_state(address) == state


@pytest.mark.parametrize(("birthday", "first"), [("1994-12-31", 1990), ("1995-01-01", 1995), ("1900-01-01", 1900)])
def test_seg_036_years_of_birth_are_told_apart_by_five(birthday: str, first: int) -> None:
    assert born_from(birthday) == first


def test_what_follows_is_added_once_and_what_a_shop_says_itself_stays() -> None:
    said, _ = cleaned(CustomerUpdated(address="阳光小区5栋", birthday="1994-02-03"), NOW)
    assert (said.life_state, said.born_from) == ("homebody", 1990)
    again, _ = cleaned(CustomerUpdated(**fields_of(said)), NOW)
    assert fields_of(again) == fields_of(said)
    own, _ = cleaned(CustomerUpdated(address="阳光小区5栋", life_state="student", birthday="none"), NOW)
    assert (own.life_state, own.born_from) == ("student", None)
