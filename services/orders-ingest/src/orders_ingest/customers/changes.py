"""Which events does a customer imply that is told as they stand? A profile when it changed, a consent each time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from common.events import rfc3339
from orders_ingest.versions.rules import by_time

PROFILE_FIELDS = ("name", "email", "phone", "chat", "address", "birthday", "language", "zone", "source")


def profile_event(
    shop: str, customer: str, profile: dict[str, Any], at: datetime, stored_revision: int | None
) -> dict[str, Any]:
    """customer.registered for somebody new, else customer.updated, with a revision above the stored one.

    Its id is made of that revision, so two accepted versions never share one.
    """
    new = stored_revision is None
    revision = max(by_time(at, 0 if new else 1), 0 if stored_revision is None else stored_revision + 1)
    type_ = "customer.registered" if new else "customer.updated"
    return _event(shop, customer, type_, at, f"{customer}:profile:{revision}", {**profile, "revision": revision})


def consent_event(
    shop: str, customer: str, channel: str, purpose: str, granted: bool, source: str | None, at: datetime
) -> dict[str, Any]:
    """customer.consent_changed; the same consent told again for the same instant is the same event."""
    data = {"channel": channel, "purpose": purpose, "granted": granted}
    if source is not None:
        data["source"] = source
    word = "given" if granted else "withdrawn"
    id_ = f"{customer}:consent:{channel}:{purpose}:{word}:{by_time(at)}"
    return _event(shop, customer, "customer.consent_changed", at, id_, data)


def _event(shop: str, customer: str, type_: str, at: datetime, id_: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": id_,
        "source": f"/shops/{shop}/orders-ingest",
        "shop": shop,
        "subject": customer,
        "type": type_,
        "time": rfc3339(at),
        "data": data,
    }
