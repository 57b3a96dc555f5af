"""An offer's form: what people write of it, and the terms that membership takes; pure (MEM-054 to MEM-086)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

from console.forms.fields import Field, Read, read
from console.texts import N_
from console.web.numbers import decimal, decimals, minor, whole

PURPOSES = (
    *("birthday", "exclusive", "threshold", "gift_with_purchase", "flash_sale", "member_day", "new_customer"),
    *("first_purchase", "second_purchase", "repurchase", "win_back", "lapse", "holiday", "friends", "secret_code"),
    *("courier", "bundle", "add_on", "clearance", "other"),
)
WHAT = (
    Field(
        "offer_id", N_("Id"), hint=N_("Such as spring-10; an offer's terms never change, another one has another id.")
    ),
    Field("name", N_("Name"), hint=N_("What customers read.")),
    Field("purpose", N_("What it is for"), "choice", choices=PURPOSES, words="offer_"),
    Field(
        "percent", N_("Per cent off"), "percent", N_("One of the four ways; or shipping or gifts alone."), optional=True
    ),
    Field("amount", N_("Amount off"), "money", least=1, optional=True),
    Field(
        "steps",
        N_("The more is spent, the more is off"),
        "long",
        N_("One step a line: spend and save, such as  300 50"),
        optional=True,
    ),
    Field(
        "rates",
        N_("Per cent off by orders"),
        "long",
        N_("One a line: completed orders and per cent, such as  3 10"),
        optional=True,
    ),
    Field("most", N_("A percentage takes off at most"), "money", least=1, optional=True),
    Field("free_shipping", N_("Free shipping"), "flag"),
    Field(
        "gifts",
        N_("Gifts in the parcel"),
        "long",
        N_("One a line: SKU, sample or small_gift, how many, such as  tin-20 sample 1"),
        optional=True,
    ),
)
FOR = (
    Field("starts", N_("Begins"), "instant"),
    Field("ends", N_("Ends"), "instant"),
    Field(
        "day_of_month",
        N_("On one day of the month alone"),
        "whole",
        N_("31: the last one."),
        least=1,
        most=31,
        optional=True,
    ),
    Field("valid_days", N_("A coupon is good for so many days"), "whole", least=1, most=3_650, optional=True),
    Field("minimum", N_("At least so much must be spent"), "money", optional=True),
    Field("skus", N_("For these products alone"), "ids", N_("SKUs, one a line."), most=1_000, optional=True),
    Field("categories", N_("For these categories alone"), "long", N_("One a line."), optional=True),
    Field("tier_from", N_("From this tier on"), hint=N_("The tier's id."), optional=True),
    Field("orders_from", N_("From so many orders on"), "whole", most=1_000_000, optional=True),
    Field(
        "orders_to",
        N_("Up to so many orders"),
        "whole",
        N_("0: those who have not bought yet."),
        most=1_000_000,
        optional=True,
    ),
    Field("use_limit", N_("Uses over all customers"), "whole", least=1, most=1_000_000_000, optional=True),
    Field("budget", N_("Budget over all customers"), "money", least=1, optional=True),
    Field("per_customer", N_("Uses of one customer"), "whole", least=1, most=1_000, optional=True),
    Field("automatic", N_("It needs no code"), "flag"),
    Field("alone", N_("With no other offer"), "flag"),
    Field("instead", N_("In the place of the tier's price, not on top of it"), "flag"),
    Field("group", N_("Of offers of this group an order takes one"), optional=True),
)
ISSUE = (
    Field(
        "customers",
        N_("To these customers"),
        "ids",
        N_("Ids, one a line, at most 10,000: each gets one."),
        most=10_000,
        optional=True,
    ),
    Field("segment", N_("To everybody in this segment"), hint=N_("The segment's id."), optional=True),
    Field(
        "hold_out",
        N_("Leave so many per cent of them out"),
        "whole",
        N_("By lot, at most 50: the page of the batch then says what the coupons brought."),
        least=1,
        most=50,
        optional=True,
    ),
    Field("count", N_("Codes for whoever has them"), "whole", N_("How many."), least=1, most=10_000, optional=True),
    Field("code", N_("One word that everybody may use"), hint=N_("Such as SPRING10."), optional=True),
    Field("use_limit", N_("The word can be used so often"), "whole", least=1, most=1_000_000_000, optional=True),
    Field(
        "batch",
        N_("Name of the batch"),
        hint=N_("Whoever has one of the batch gets no other; empty: a new batch, of a segment its id."),
        optional=True,
    ),
)
SEVERAL = N_("Choose one way: per cent, amount, steps or per cent by orders.")
LINE = N_("A line cannot be read: see the example.")


def terms(written: Mapping[str, str], zone: tzinfo, currency: str) -> Read:
    """The offer as membership takes it; amounts in minor units, percentages in basis points."""
    body, wrong = read((*WHAT, *FOR), written, zone, currency)
    lines: dict[str, Callable[[list[str]], Any]] = {
        "steps": lambda words: _step(words, currency),
        "rates": _rate,
        "gifts": _gift,
    }
    for name, of in lines.items():
        if name in body:
            found = [of(line.split()) for line in body[name].splitlines() if line.strip()]
            body[name] = found
            if None in found or len(found) > 20:
                wrong[name] = LINE
    if "categories" in body:
        body["categories"] = [line.strip() for line in body["categories"].splitlines() if line.strip()]
    ways = [name for name in ("percent", "amount", "steps", "rates") if name in body]
    if len(ways) > 1:
        wrong[ways[1]] = SEVERAL
    elif not ways and not body["free_shipping"] and "gifts" not in body:
        wrong["percent"] = N_("The offer gives nothing yet.")
    if "starts" in body and "ends" in body and body["ends"] <= body["starts"]:
        wrong["ends"] = N_("It must end after it begins.")
    body["with_tier_price"] = not body.pop("instead")
    return Read(body, wrong)


def issue(written: Mapping[str, str], zone: tzinfo, batch: str) -> Read:
    """Coupons to be issued in one of the four ways; `batch` where none is named."""
    body, wrong = read(ISSUE, written, zone)
    ways = [name for name in ("customers", "segment", "count", "code") if name in body]
    if len(ways) != 1 and not wrong:
        wrong["customers"] = N_("Choose one way: customers, a segment, a number of codes, or one word.")
    if "hold_out" in body and not body.keys() & {"customers", "segment"}:
        wrong["hold_out"] = N_("Only of customers who are named, or of a segment, some can be left out.")
    if "code" in body:
        body.pop("batch", None)
    else:
        body.setdefault("batch", body.get("segment", batch))
        if "use_limit" in body:
            wrong["use_limit"] = N_("Only a word for everybody has such a limit: every other coupon is used once.")
    return Read(body, wrong)


def _step(words: list[str], currency: str) -> dict[str, int] | None:
    found = [minor(word, currency) for word in words]
    if len(found) != 2 or found[0] is None or found[1] is None:
        return None
    return {"spend": found[0], "save": found[1]}


def _rate(words: list[str]) -> dict[str, int] | None:
    orders = whole(words[0])
    share = decimal(words[-1])
    if len(words) != 2 or orders is None or share is None or decimals(words[-1]) > 2 or not 0 < share <= 100:
        return None
    return {"orders": orders, "percent": int(share * 100)}


def _gift(words: list[str]) -> dict[str, Any] | None:
    number = whole(words[2]) if len(words) == 3 else 1
    if len(words) not in (2, 3) or words[1] not in ("sample", "small_gift") or not number:
        return None
    return {"sku": words[0], "kind": words[1], "quantity": number}
