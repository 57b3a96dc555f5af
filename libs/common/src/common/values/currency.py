"""Currencies of ISO 4217 (library `iso4217`) and amounts in their minor units."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType

from iso4217 import Currency

EXPONENTS = MappingProxyType({c.code: c.exponent for c in Currency if c.exponent is not None})
"""Decimals of each currency: 0 for JPY, 2 for USD, 3 for KWD. Metals and test codes have none and are no money."""


class TooPrecise(ValueError):
    """An amount has more decimals than its currency."""


def minor_per_major(currency: str) -> int:
    """Minor units in 1 major unit: 1 for JPY, 100 for USD. Raises KeyError for an unknown currency."""
    return int(10 ** EXPONENTS[currency])


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in major units as minor units, exactly. Raises TooPrecise where the currency has fewer decimals."""
    scaled = amount.scaleb(EXPONENTS[currency])
    if scaled != scaled.to_integral_value():
        raise TooPrecise(f"{amount} has more decimals than {currency} has ({EXPONENTS[currency]})")
    return int(scaled)


def round_to_minor(amount: Decimal, currency: str) -> int:
    """An amount in major units as minor units, rounded half up: for products such as quantity x price."""
    return int(amount.scaleb(EXPONENTS[currency]).quantize(Decimal(1), ROUND_HALF_UP))


def in_major(minor: int, currency: str) -> str:
    """Minor units as people write the amount, with grouping: 123456 JPY is `123,456`, 123456 USD `1,234.56`."""
    exponent = EXPONENTS[currency]
    return f"{Decimal(minor).scaleb(-exponent):,.{exponent}f}"
