"""What is new about a customer who is sent as they stand: a profile that changed, a consent that says something."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from common.events import rfc3339
from common.events.customers import CustomerProfile, ProfileFields
from common.refusals import Conflict, NotFound
from orders_ingest.customers.state import KnownConsent, KnownCustomer, SentCustomer
from orders_ingest.versions.rules import by_time


class UnknownCustomer(NotFound):
    """The shop has sent nothing of that customer."""

    def __init__(self, customer: str) -> None:
        super().__init__("unknown_customer", f"The shop has sent no customer {customer!r} yet.")


class CustomerErased(Conflict):
    """Nothing more is taken of somebody who was erased."""

    def __init__(self) -> None:
        super().__init__(
            "customer_erased", "this customer was erased, for ever: a person who comes back needs a new id"
        )


PROFILE_FIELDS = tuple(ProfileFields.model_fields)
"""All that a profile says of a customer."""


def fields_of(profile: CustomerProfile) -> dict[str, Any]:
    """The fields that a shop sends, in JSON, without those that say nothing."""
    return profile.model_dump(mode="json", include=set(PROFILE_FIELDS), exclude_defaults=True)


def changes(shop: str, sent: SentCustomer, known: KnownCustomer, now: datetime) -> list[dict[str, Any]]:
    """CloudEvents of what is new: a profile that is not the stored one, a consent with another value or a time of its
    own.

    What is new of a known customer happened, as far as anybody knows, when it is read; what comes with a registration
    happened then.
    """
    customer, events = sent.customer, []
    registered = sent.registered_at or now
    if sent.profile is not None and known.revision is None:
        events.append(profile_event(shop, customer, sent.profile, registered, None))
    elif sent.profile is not None and sent.profile != known.profile:
        events.append(profile_event(shop, customer, sent.profile, now, known.revision))
    is_new = known.revision is None and not known.consents
    consents = dict(known.consents)
    for consent in sent.consents:
        name = consent.channel, consent.purpose
        before = consents.get(name)
        if before is not None and before.granted == consent.granted and consent.at in (None, before.at):
            continue
        at = consent.at or (registered if is_new else now)
        events.append(
            consent_event(shop, customer, *name, consent.granted, consent.source, at, undated=consent.at is None)
        )
        stated = KnownConsent(consent.granted, at)
        if before is None or stated.rank > before.rank:
            consents[name] = stated
    return events


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
    shop: str,
    customer: str,
    channel: str,
    purpose: str,
    granted: bool,
    source: str | None,
    at: datetime,
    *,
    undated: bool = False,
) -> dict[str, Any]:
    """customer.consent_changed; the same consent sent again for the same instant is the same event.

    `undated`: the shop did not say when; `at` is when it was read, or when the customer registered.
    """
    data: dict[str, Any] = {"channel": channel, "purpose": purpose, "granted": granted}
    if source is not None:
        data["source"] = source
    if undated:
        data["undated"] = True
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
