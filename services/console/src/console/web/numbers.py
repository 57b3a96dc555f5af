"""Numbers as people write them in forms and addresses: digits and at most one point, nothing else that Python reads."""

from __future__ import annotations

import re
from decimal import Decimal

from common.values.currency import EXPONENTS, to_minor

MOST = 2**53 - 1
_WHOLE = re.compile(r"[0-9]{1,16}")
_DECIMAL = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,9})?")


def whole(text: str) -> int | None:
    """A whole number from 0 on; None for anything else, also for digits of other scripts and for a number too large."""
    found = int(text) if _WHOLE.fullmatch(text) else MOST + 1
    return found if found <= MOST else None


def decimal(text: str) -> Decimal | None:
    """A number with a point for its decimals; None for `1,000`, `1e3`, `1_000`, and digits of other scripts."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def decimals(text: str) -> int:
    """How many decimals are written: `1.000` has three, whatever it comes to.

    Half of the world writes a thousand so: more decimals than an amount can have are refused, not dropped.
    """
    return len(text.partition(".")[2])


def minor(text: str, currency: str) -> int | None:
    """An amount as minor units; None where it is no number, or has more decimals written than the currency has."""
    found = decimal(text)
    return None if found is None or decimals(text) > EXPONENTS[currency] else to_minor(found, currency)
