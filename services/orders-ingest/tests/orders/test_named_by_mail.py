"""Orders of people whom an export named by e-mail go on when webhooks name them by identifier (ORD-005, ORD-040)."""

from __future__ import annotations

from typing import Any

import pytest

from common.events import from_dict
from common.refusals import Conflict
from orders_ingest.identity.by_mail import is_named_by_mail, named_by_mail
from orders_ingest.orders.rules import with_version

ANN = named_by_mail("demo", "Ann@Example.test ", b"key") or ""
BOB = named_by_mail("demo", "bob@example.test", b"key") or ""


def test_an_e_mail_names_one_customer_of_a_shop_however_it_is_written() -> None:
    assert named_by_mail("demo", "ann@example.test", b"key") == ANN
    assert named_by_mail("other", "ann@example.test", b"key") != ANN
    assert named_by_mail("demo", " ", b"key") is None
    assert [is_named_by_mail(name) for name in (ANN, "5512", "mail-ann", ANN + "0")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (ANN, "5512", True),
        ("5512", ANN, True),
        (ANN, ANN, True),
        (ANN, BOB, False),
        ("5512", "6000", False),
    ],
)
def test_who_is_named_by_mail_contradicts_no_identifier(tell: Any, first: str, second: str, taken: bool) -> None:
    order = with_version(None, from_dict(tell.order("paid", subject=first)), {})
    later = from_dict(tell.order("completed", subject=second, time="2026-03-05T11:30:00Z"))
    if not taken:
        with pytest.raises(Conflict, match="another customer"):
            with_version(order, later, {})
        return
    with_version(order, later, {})
    assert (order.state, order.customer) == ("completed", first)
