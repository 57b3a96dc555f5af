"""What the demo invents of its customers: addresses, consents, and how some of them behave.

The orders are as published. A few in a hundred customers are made to show each reason for which a message is not sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from regulars.stack.mailsink import GONE_DOMAIN

Kind = Literal["usual", "silent", "unreachable", "withdrawing", "unsubscribing", "gone", "late"]
KINDS: dict[int, Kind] = {1: "silent", 2: "unreachable", 3: "withdrawing", 4: "unsubscribing", 5: "gone", 6: "late"}
"""By the remainder of the customer's number by fifty; all others are usual."""
POLICY = {
    "caps": {"marketing_by_channel": {"email": 1, "sms": 3, "chat": 3}},
    "blackout_dates": [f"1997-12-{day}" for day in range(20, 27)],
}
"""Narrower than the default, so that cap and blackout are seen: one offer a month, none from 20 to 26 December."""
INVENTED = (
    "Invented: the programme, addresses, consents and the contact policy (one offer a month instead of three, none from"
    " 20 to 26 December). One customer in fifty each never consents, has no address, withdraws consent, unsubscribes,"
    " has an address that bounces, or is registered two weeks late."
)
SUPPRESSED = (
    "cap", "stale", "obsolete", "no_consent", "consent_withdrawn", "opted_out", "bounced", "no_address",
)  # fmt: skip
HELD = ("window", "window_taken", "no_address", "contact_unknown")
"""Reasons that this history and these people bring about, each at least once."""
NOT_HERE = {
    "erased": "nobody asked to be erased",
    "key_missing": "only while a customer's key is on its way",
    "missed_window": "only where the mail server is slow on the wall clock",
}


def kind_of(customer: str) -> Kind:
    return KINDS.get(int(customer) % 50, "usual")


def person(customer: str, since: datetime, zone: str) -> dict[str, Any]:
    """The customer as the shop registers them."""
    kind = kind_of(customer)
    person: dict[str, Any] = {"id": customer, "registered_at": since.isoformat(), "zone": zone}
    if kind != "unreachable":
        person["email"] = f"c{customer}@{GONE_DOMAIN if kind == 'gone' else 'example.test'}"
    if kind != "silent":
        person["consents"] = consents(granted=True)
    return person


def consents(*, granted: bool) -> list[dict[str, Any]]:
    return [
        {"channel": "email", "purpose": purpose, "granted": granted, "source": "demo"}
        for purpose in ("marketing", "survey")
    ]
