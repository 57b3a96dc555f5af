"""Currencies and minor units against ISO 4217's list."""

from decimal import Decimal

import pytest

from common.events.orders import OrderRefunded
from common.values.currency import EXPONENTS, TooPrecise, in_major, minor_per_major, round_to_minor, to_minor


@pytest.mark.parametrize(
    ("code", "exponent"),
    [("CNY", 2), ("USD", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("KMF", 0), ("VUV", 0), ("KWD", 3), ("TND", 3),
     ("CLF", 4), ("XPF", 0), ("GHS", 2), ("UZS", 2), ("ZMW", 2)],
)  # fmt: skip
def test_exponents_are_those_of_iso_4217(code: str, exponent: int) -> None:
    assert EXPONENTS[code] == exponent
    assert minor_per_major(code) == 10**exponent


def test_all_currencies_in_use_are_taken_and_what_is_no_money_is_not() -> None:
    assert len(EXPONENTS) > 150
    assert not EXPONENTS.keys() & {"XXX", "XTS", "XAU", "XDR"}


@pytest.mark.parametrize(
    ("amount", "code", "minor"),
    [("500", "JPY", 500), ("12.34", "USD", 1234), ("1.234", "KWD", 1234), ("1E+1", "JPY", 10)],
)
def test_amounts_in_minor_units(amount: str, code: str, minor: int) -> None:
    assert to_minor(Decimal(amount), code) == minor


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(TooPrecise, match="JPY has"):
        to_minor(Decimal("0.5"), "JPY")


def test_products_are_rounded_half_up() -> None:
    assert round_to_minor(Decimal("1.005"), "USD") == 101
    assert round_to_minor(Decimal("2.5"), "JPY") == 3


def test_amounts_as_people_write_them() -> None:
    assert in_major(123456, "JPY") == "123,456"
    assert in_major(123456, "USD") == "1,234.56"
    assert in_major(5, "KWD") == "0.005"


@pytest.mark.parametrize("code", ["KMF", "CLF", "UZS"])
def test_events_take_every_currency(code: str) -> None:
    assert OrderRefunded(refund_id="r", order_id="o", amount=1, currency=code).currency == code
