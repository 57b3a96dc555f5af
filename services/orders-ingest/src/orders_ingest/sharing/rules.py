"""Pseudonyms, who may be told of, and the lines of a file; no clock, no rows (SEC-007)."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from orders_ingest.sharing.state import (
    DESCRIBES,
    EVERYBODY,
    FIELDS,
    Basis,
    SharedOrder,
    SharedProfile,
    Statement,
    What,
)

KEY_BYTES = 32
MANY = 20
"""A number of orders from here on is written as this."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def pseudonym(key: bytes, kind: str, shop: str, name: str) -> str:
    """32 hex digits in the place of a customer or an order (HMAC-SHA-256, cut to 128 bits).

    Without the key nobody tells a guess from a wrong one, so identifiers that are phone numbers cannot be tried; with
    another partner's or shop's key the same customer has another. Lengths stand before the parts: no two pairs of
    names make one text.
    """
    parts = (kind.encode(), shop.encode(), name.encode())
    text = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:32]


def may_share(basis: Basis, partner: str, said: Iterable[Statement]) -> bool:
    """Whether a partner may be told of the person who said this, under whichever identifiers.

    Under one identifier what is said of the partner goes before what is said of all; of several identifiers one that
    says no decides.
    """
    by_identifier: dict[str, dict[str, bool]] = {}
    for each in said:
        by_identifier.setdefault(each.customer, {})[each.partner] = each.granted
    answers = [found.get(partner, found.get(EVERYBODY)) for found in by_identifier.values()]
    if False in answers:
        return False
    return basis == "pseudonyms" or True in answers


def named_gone(people: Iterable[tuple[Sequence[str], bool]], otherwise: str = "refused") -> dict[str, str]:
    """Why each identifier of these persons is to be deleted; a person: (all their identifiers, whether erased)."""
    found: dict[str, str] = {}
    for names, erased in people:
        for name in names:
            if erased or name not in found:
                found[name] = "erased" if erased else otherwise
    return found


def description_of(fields: Sequence[str], profile: SharedProfile) -> tuple[str, ...]:
    """What of the person a file with these fields says."""
    return tuple("" if (value := getattr(profile, name)) is None else str(value) for name in asked(fields))


def asked(fields: Sequence[str]) -> list[str]:
    """Those of the fields that describe a person."""
    return [name for name in DESCRIBES if name in fields]


def in_order(what: What, fields: Iterable[str]) -> list[str]:
    """The fields as a file has them, each once."""
    wanted = set(fields)
    return [name for name in FIELDS[what] if name in wanted]


def coarse(amount: int) -> int:
    """An amount to two figures: 12,345 becomes 12,000. A sum to the cent would name its customer in another's file."""
    digits = int("1".ljust(len(str(abs(amount))) - 1, "0"))
    return (abs(amount) + digits // 2) // digits * digits * (-1 if amount < 0 else 1)


def month(at: datetime, zone: ZoneInfo) -> str:
    """The month of the shop's calendar, such as 2026-03."""
    return f"{at.astimezone(zone):%Y-%m}"


def customer_row(
    fields: Sequence[str],
    orders: Sequence[SharedOrder],
    description: Mapping[str, str],
    zone: ZoneInfo,
    currency: str,
) -> list[str]:
    """The fields of a customer; `description` is empty where it is withheld. `paid` is of orders in this currency."""
    counted = [one for one in orders if _counts(one)]
    placed = sorted(one.placed_at for one in counted)
    values = {
        **description,
        "orders": str(min(len(counted), MANY)),
        "paid": str(coarse(sum(one.paid - one.refunded for one in counted if one.currency == currency))),
        "currency": currency,
        "first_month": month(placed[0], zone) if placed else "",
        "last_month": month(placed[-1], zone) if placed else "",
    }
    return [values.get(name, "") for name in fields]


def order_row(fields: Sequence[str], order: SharedOrder, zone: ZoneInfo) -> list[str]:
    """The fields of an order."""
    values = {
        "month": month(order.placed_at, zone),
        "state": order.state,
        "paid": str(coarse(order.paid)),
        "freight": str(coarse(order.freight)),
        "refunded": str(coarse(order.refunded)),
        "currency": order.currency,
        "items": str(min(order.items, MANY)),
        "categories": "|".join(order.categories),
        "brands": "|".join(order.brands),
    }
    return [values[name] for name in fields]


def _counts(order: SharedOrder) -> bool:
    """Whether the customer keeps something that they paid for."""
    return order.state not in ("placed", "closed") and (order.paid > order.refunded or order.paid == 0)


def heading(what: What, fields: Sequence[str]) -> list[str]:
    """The names of a file's columns: pseudonyms first."""
    return [*(("order", "customer") if what == "orders" else ("customer",)), *fields]


def written(rows: Iterable[Sequence[str]]) -> str:
    """CSV by RFC 4180; no cell is taken for a formula by a spreadsheet."""
    out = io.StringIO()
    csv.writer(out).writerows([f"'{one}" if one.startswith(_FORMULA) else one for one in row] for row in rows)
    return out.getvalue()
