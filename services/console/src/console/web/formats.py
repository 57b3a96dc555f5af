"""Money, points, rates and times as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from common.values.currency import EXPONENTS, in_major

MINUS = "\u2212"


def whole(value: Decimal | float | str) -> int:
    """To the nearest whole number, halves up in size, as people round."""
    return int(Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP))


def number(value: int) -> str:
    """Grouped, with a real minus sign."""
    return f"{value:,}".replace("-", MINUS)


def money(minor: int, currency: str) -> str:
    """Minor units as `CNY 1,234.56`; of a currency that ISO 4217 does not know, minor units and said so."""
    if currency not in EXPONENTS:
        return f"{currency} {number(minor)} (minor units)"
    return f"{currency}\u00a0{in_major(minor, currency).replace('-', MINUS)}"


def major(minor: int, currency: str) -> str:
    """Minor units as a plain number of major ones, for charts; minor units of an unknown currency."""
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 0)):f}"


def rate(found: dict[str, Any]) -> str | None:
    """`38.1 % (905 of 2,376)`; None where the base is 0: then there is no rate."""
    if not found["base"]:
        return None
    percent = Decimal(found["part"]) * 100 / Decimal(found["base"])
    return f"{percent:.1f}\u00a0% ({number(found['part'])}\u00a0/\u00a0{number(found['base'])})"


def in_order(counts: dict[str, int], names: Iterable[str]) -> list[tuple[str, int]]:
    """The counts in the order of the names; others follow as they came."""
    places = {name: place for place, name in enumerate(names)}
    return sorted(counts.items(), key=lambda item: places.get(item[0], len(places)))


def instant(text: str | datetime | None) -> datetime | None:
    """An instant of an answer."""
    if text is None or isinstance(text, datetime):
        return text
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def moment(text: str | datetime | None, zone: tzinfo, *, seconds: bool = False) -> str:
    """`2026-11-27 21:14` in the zone; empty for none."""
    at = instant(text)
    return f"{at.astimezone(zone):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}" if at is not None else ""


def cell(text: object) -> str:
    """A cell of an exported table that no spreadsheet takes for a formula."""
    written = str(text)
    return f"'{written}" if written[:1] in ("=", "+", "-", "@", "\t", "\r") else written
