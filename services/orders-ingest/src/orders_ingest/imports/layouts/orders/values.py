"""Cells of the generic layout: amounts with point or comma, times in the forms that exports have, states."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from common.values.currency import EXPONENTS, round_to_minor
from orders_ingest.imports.layouts.layout import utc_of

Decimals = Literal["point", "comma"]
_AMOUNT = {
    "point": re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,13})(?:\.[0-9]{1,6})?"),
    "comma": re.compile(r"(?:[0-9]{1,3}(?:[.\u00a0 '][0-9]{3}){1,4}|[0-9]{1,13})(?:,[0-9]{1,6})?"),
}
_GROUPED = {
    "point": re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+"),
    "comma": re.compile(r"[0-9]{1,3}(?:[.\u00a0 '][0-9]{3})+"),
}
_GROUP = 3
"""Digits of a group of thousands."""
_SIGNS = re.compile(r"^[¥￥$€£]\s?|\s?[¥￥$€£元]$")
_FORMS = (
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
)
"""Not 03/04/2025, of which nobody knows whether it is March or April."""
_STATES = {
    "placed": "placed",
    "pending": "placed",
    "paid": "paid",
    "processing": "paid",
    "shipped": "shipped",
    "in_transit": "in_transit",
    "delivered": "delivered",
    "completed": "completed",
    "complete": "completed",
    "closed": "closed",
    "cancelled": "closed",
    "canceled": "closed",
    "等待买家付款": "placed",
    "买家已付款": "paid",
    "卖家已发货": "shipped",
    "交易成功": "completed",
    "交易关闭": "closed",
}


def amount_of(text: str, field: str, decimals: Decimals, currency: str) -> int:
    """Minor units. Raises ValueError for what is no amount, or one with the other mark, or finer than its currency.

    1.234 EUR may be a thousand times as much, written with the other mark: it is refused, as 1.50 JPY is; but 12.5000
    is 12.50.
    """
    plain = _SIGNS.sub("", text.strip())
    if not _AMOUNT[decimals].fullmatch(plain):
        other = "comma" if decimals == "point" else "point"
        example = "1,234.50" if decimals == "point" else "1.234,50"
        raise ValueError(f"{field} is no amount such as {example}; for the other mark say decimals={other}")
    digits = re.sub(r"[,]" if decimals == "point" else r"[.\u00a0 ']", "", plain).replace(",", ".")
    places, exponent = digits.partition(".")[2], EXPONENTS[currency]
    if len(places) > exponent and (len(places) == _GROUP or places[exponent:].strip("0")):
        other = "comma" if decimals == "point" else "point"
        raise ValueError(
            f"{field} has {len(places)} decimals, and {currency} has {exponent}; if the mark parts thousands, say"
            f" decimals={other}"
        )
    return round_to_minor(Decimal(digits), currency)


def instant_of(text: str, field: str, zone: ZoneInfo) -> datetime:
    """In UTC. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        found = None
    for form in _FORMS if found is None else ():
        try:
            found = datetime.strptime(text, form)
            break
        except ValueError:
            continue
    if found is None:
        raise ValueError(f"{field} is no time: 2025-03-05 12:00:00, 2025/03/05 12:00 or 05.03.2025 12:00")
    return utc_of(found, zone)


def state_of(text: str) -> str:
    """Raises ValueError for a word that is no state."""
    found = _STATES.get(text.strip().lower())
    if found is None:
        raise ValueError("state is none of placed, paid, shipped, in_transit, delivered, completed, closed")
    return found


def quantity_of(text: str, decimals: Decimals) -> int:
    """A whole number; spreadsheets write 2.0 or 2,00. Raises ValueError, also for 1.000 with the point as decimal mark:
    it may be a thousand."""
    plain = text.strip()
    if _GROUPED[decimals].fullmatch(plain):
        plain = re.sub(r"[^0-9]", "", plain)
    whole = re.fullmatch(r"([0-9]{1,7})(?:[.,](0+))?", plain)
    if whole is None or int(whole[1]) > 1_000_000:
        raise ValueError("quantity is no whole number from 0 to 1,000,000")
    if len(whole[2] or "") == _GROUP:
        raise ValueError(f"quantity {plain} may be {whole[1]} or {whole[1]}{whole[2]}: write it without the mark")
    return int(whole[1])
