"""Forms of what partners are given: the agreement, and a file under it (SEC-007)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.forms.fields import Field
from console.forms.sheets import Sheet
from console.texts import N_

BASES = ("consent", "pseudonyms")
CUSTOMER_FIELDS = {
    "orders": N_("Number of orders"),
    "paid": N_("What was paid, to two figures"),
    "currency": N_("Currency"),
    "first_month": N_("Month of the first order"),
    "last_month": N_("Month of the last order"),
    "region": N_("Region"),
    "city": N_("City"),
    "gender": N_("Gender"),
    "born_from": N_("Five years of birth"),
    "language": N_("Language"),
}
ORDER_FIELDS = {
    "month": N_("Month of the order"),
    "state": N_("State"),
    "paid": N_("What was paid, to two figures"),
    "freight": N_("Freight, to two figures"),
    "refunded": N_("What was paid back, to two figures"),
    "currency": N_("Currency"),
    "items": N_("Number of items"),
    "categories": N_("Categories"),
    "brands": N_("Brands"),
}
BACK = ("/sharing", N_("Given to partners"))
AGREEMENT = Sheet(
    N_("An agreement with a partner"),
    N_("Keep the agreement"),
    (
        Field("partner", N_("Short name"), hint=N_("Of the partner, in addresses: letters and digits, no spaces.")),
        Field("name", N_("Name")),
        Field("purpose", N_("Purpose"), hint=N_("What the partner may use it for; it stands in the register.")),
        Field("basis", N_("Whose rows"), "choice", choices=BASES, words="sharing_"),
        *(Field(f"customer-{name}", label, "flag", N_("Of each customer")) for name, label in CUSTOMER_FIELDS.items()),
        *(Field(f"order-{name}", label, "flag", N_("Of each order")) for name, label in ORDER_FIELDS.items()),
        Field("reference", N_("Contract or joint campaign"), optional=True),
    ),
    BACK,
    N_("Nothing is given by this. The partner gets pseudonyms of its own, and the fields that are chosen here alone."),
)
FILE = (
    Field("share_id", N_("Name of the file"), hint=N_("Letters and digits, no spaces; each name once.")),
    Field("what", N_("What is given"), "choice", choices=("customers", "orders"), words="sharing_"),
    Field("since", N_("Of orders placed from"), "instant", optional=True),
    Field("until", N_("And before"), "instant", optional=True),
)


def terms_of(body: Mapping[str, Any], by: str, replaces: int) -> dict[str, Any]:
    """The agreement's form as orders-ingest takes it."""
    return {
        "name": body["name"],
        "purpose": body["purpose"],
        "basis": body["basis"],
        "customer_fields": [name for name in CUSTOMER_FIELDS if body[f"customer-{name}"]],
        "order_fields": [name for name in ORDER_FIELDS if body[f"order-{name}"]],
        "reference": body.get("reference"),
        "by": by,
        "replaces": replaces,
    }


def written_of(agreed: Mapping[str, Any]) -> dict[str, str]:
    """An agreement as its form holds it."""
    words = {name: str(agreed[name] or "") for name in ("partner", "name", "purpose", "basis", "reference")}
    flags = {f"customer-{name}": "yes" for name in agreed["customer_fields"]}
    words["version"] = str(agreed["version"])
    return words | flags | {f"order-{name}": "yes" for name in agreed["order_fields"]}
