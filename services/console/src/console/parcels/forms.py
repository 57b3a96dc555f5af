"""An insert of the parcel plan as a form: written into the plan, moved, and taken away; pure (MSG-066 to MSG-074)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from console.forms.fields import Field, Read, read
from console.parcels import conditions
from console.texts import N_

KINDS = (
    *("goods_list", "gift_tip", "thank_you_card", "letter", "gift_wrap", "gift", "sample", "manual", "return_card"),
    *("friends_voucher", "brand_card", "trinket", "use_aid", "related_products", "filler"),
)
PARCELS = ("all", "first", "later")
INSERT = (
    Field("insert", N_("Id"), hint=N_("Small letters, digits and _, such as thank_you."), most=40),
    Field("title", N_("Title"), hint=N_("For those who pack.")),
    Field("kind", N_("Kind"), "choice", choices=KINDS, words="insert_"),
    Field("parcels", N_("Into which parcels"), "choice", choices=PARCELS, words="parcels_"),
    Field("products", N_("Only with these products"), "ids", N_("SKUs, one a line."), most=200, optional=True),
    Field("says.en", N_("What is printed, in English"), "long", most=500, optional=True),
    Field("says.zh", N_("What is printed, in Chinese"), "long", most=500, optional=True),
    Field("url", N_("Its code leads to"), hint=N_("It begins with https://"), most=1_000, optional=True),
    Field("offer", N_("Who scans it is given a coupon of"), hint=N_("The offer's id."), most=60, optional=True),
)


def written(insert: Mapping[str, Any]) -> dict[str, str]:
    """The form of an insert that is there."""
    says, code, first = insert.get("says") or {}, insert.get("code") or {}, insert.get("first_order")
    return {
        "insert": insert["insert"],
        "title": insert["title"],
        "kind": insert["kind"],
        "parcels": "all" if first is None else "first" if first else "later",
        "products": "\n".join(insert.get("products") or ()),
        "says.en": says.get("en", ""),
        "says.zh": says.get("zh", ""),
        "url": code.get("url", ""),
        "offer": code.get("offer") or "",
        **conditions.written(insert.get("when") or ()),
    }


def insert_of(form: Mapping[str, str], base: Mapping[str, Any], zone: tzinfo) -> Read:
    """The insert of a form; words in other languages stay as in `base`."""
    given, wrong = read(INSERT, form, zone)
    if "offer" in given and "url" not in given:
        wrong["url"] = N_("A coupon is given to who scans a code: say where the code leads.")
    found = {name: given.get(name) for name in ("insert", "title", "kind")}
    found["first_order"] = {"all": None, "first": True, "later": False}.get(given.get("parcels", "all"))
    found["products"] = given.get("products", [])
    found["when"], unfit = conditions.read(form)
    wrong |= unfit
    says = {name: text for name, text in (base.get("says") or {}).items() if name not in ("en", "zh")}
    found["says"] = says | {name: given[f"says.{name}"] for name in ("en", "zh") if f"says.{name}" in given}
    found["code"] = {"url": given["url"], "offer": given.get("offer")} if "url" in given else None
    return Read(found, wrong)


def with_insert(document: Mapping[str, Any], insert: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with the insert, in its place where one of that id is there, else at the end."""
    inserts = [insert if each["insert"] == insert["insert"] else each for each in document["inserts"]]
    if insert not in inserts:
        inserts.append(insert)
    return {**document, "inserts": inserts}


def changed(document: Mapping[str, Any], name: str, action: str) -> dict[str, Any] | None:
    """The plan with an insert one place up (`up`), or away (`remove`); None where that makes no sense."""
    inserts = list(document["inserts"])
    places = [place for place, each in enumerate(inserts) if each["insert"] == name]
    if not places or action not in ("up", "remove") or (action == "up" and places[0] == 0):
        return None
    moved = inserts.pop(places[0])
    if action == "up":
        inserts.insert(places[0] - 1, moved)
    return {**document, "inserts": inserts}
