"""Profiles are taken in normal form, without the fields that cannot be used."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.events.customers import CustomerRegistered
from orders_ingest.customers.profile import cleaned

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "slug"),
    [
        ("email", "no address", "invalid_email"),
        ("email", "a@b\r\nBcc: c@d.example", "invalid_email"),
        ("email", "x" * 65 + "@example.com", "invalid_email"),
        ("phone", "13800138000", "invalid_phone"),
        ("phone", "+86138", "invalid_phone"),
        ("zone", "Mars/Base", "invalid_zone"),
        ("birthday", "29.2.1990", "invalid_birthday"),
    ],
)
def test_a_field_that_cannot_be_used_is_left_out(field: Any, value: Any, slug: Any) -> None:
    profile, left_out = cleaned(CustomerRegistered(name="Ann", **{field: value}), NOW)
    assert profile == CustomerRegistered(name="Ann")
    assert [(found.field, found.slug) for found in left_out] == [(field, slug)]


def test_a_profile_is_kept_in_normal_form() -> None:
    sent = CustomerRegistered(email="Ann@EXAMPLE.test", phone="+86 138 0013 8000", zone="Asia/Shanghai")
    profile, left_out = cleaned(sent, NOW)
    assert left_out == ()
    assert (profile.email, profile.phone, profile.zone) == ("Ann@example.test", "+8613800138000", "Asia/Shanghai")
