"""Customers of whom an import says the e-mail alone: a mailbox is one identifier, and an identifier one mailbox."""

from __future__ import annotations

import pytest

from orders_ingest.identity.by_mail import is_named_by_mail, named_by_mail


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (" Mo@Example.test ", "mo@example.test", True),
        ("mo@bücher.example", "mo@xn--bcher-kva.example", True),
        ("mo@ＥＸＡＭＰＬＥ.test", "mo@example.test", True),
        ("mo@straße.example", "mo@strasse.example", False),
        ("groß@x.example", "gross@x.example", False),
        ("Front Desk", "front desk", True),
        ("groß", "gross", False),
    ],
)
def test_a_mailbox_is_one_customer_however_it_is_written(one: str, other: str, same: bool) -> None:
    names = [named_by_mail("teahouse", each, b"key") for each in (one, other)]
    assert (names[0] == names[1]) is same
    assert all(name is not None and is_named_by_mail(name) for name in names)


def test_without_an_address_there_is_nobody() -> None:
    assert named_by_mail("teahouse", " ", b"key") is None
