"""What only describes an order, a refund or a customer is cut until it fits: the money and the state are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.events.fields import MAX_PERSONAL
from common.values.texts import UNFIT
from orders_ingest.customers.profile import LeftOut

MAX_TEXT = 500
MAX_PROMOTIONS = 100
TEXTS = frozenset(
    {
        *("sku", "name", "category", "brand", "code"),  # of lines and promotions
        "image",
        *("carrier", "tracking", "platform", "traffic_source", "credit_level", "region", "city", "source"),
    }
)
PERSONAL = frozenset({"remark", "recipient", "recipient_phone", "address", "reason", "email", "phone"})
NESTED = ("lines", "promotions")


def fitted(said: Mapping[str, Any], name_is_personal: bool = False) -> tuple[dict[str, Any], tuple[LeftOut, ...]]:
    """The fields, with texts that are too long, or hold what cannot be stored, cut; and what was cut, by its field.

    `name_is_personal`: `name` is a customer's and not a product's.
    """
    found: dict[str, Any] = {}
    cut: dict[str, str] = {}
    for name, value in said.items():
        if name in NESTED:
            found[name] = [_of_item(name, item, cut) for item in value]
        else:
            found[name] = _text(name, value, cut, name, name_is_personal)
    if len(found.get("promotions", ())) > MAX_PROMOTIONS:
        found["promotions"] = found["promotions"][:MAX_PROMOTIONS]
        cut["promotions"] = f"the first {MAX_PROMOTIONS} are kept"
    return found, tuple(LeftOut(field, "shortened", detail) for field, detail in sorted(cut.items()))


def _of_item(of: str, item: Mapping[str, Any], cut: dict[str, str]) -> dict[str, Any]:
    return {name: _text(name, value, cut, f"{of}/{name}") for name, value in item.items()}


def _text(name: str, value: Any, cut: dict[str, str], field: str, name_is_personal: bool = False) -> Any:
    personal = name in PERSONAL or (name_is_personal and name == "name")
    if not isinstance(value, str) or not (personal or name in TEXTS):
        return value
    most = MAX_PERSONAL if personal else MAX_TEXT
    fit = UNFIT.sub("", value)[:most]
    if fit != value:
        cut[field] = f"the first {most:,} characters are kept, without U+0000 and halves of surrogate pairs"
    return fit
