"""Shopify's customer and marketing consent in our words."""

from __future__ import annotations

from typing import Literal

from orders_ingest.customers.state import SentConsent, SentCustomer
from orders_ingest.webhooks.state import Said
from orders_ingest.webhooks.vendor import Payload, Time, joined, parsed, present

_SAYS = {"subscribed": True, "unsubscribed": False}
"""Of `pending`, `not_subscribed`, `redacted` and `invalid` nothing was said by the customer."""


class _Consent(Payload):
    state: str
    consent_updated_at: Time | None = None


class _Address(Payload):
    address1: str | None = None
    address2: str | None = None
    zip: str | None = None
    city: str | None = None
    province: str | None = None
    country: str | None = None


class Customer(Payload):
    """What we read of it (webhooks of the topics customers/create and customers/update)."""

    id: str
    created_at: Time | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    default_address: _Address | None = None
    email_marketing_consent: _Consent | None = None
    sms_marketing_consent: _Consent | None = None


class ConsentUpdate(Payload):
    """What we read of customers_email_marketing_consent/update and customers_marketing_consent/update (SMS)."""

    customer_id: str
    email_marketing_consent: _Consent | None = None
    sms_marketing_consent: _Consent | None = None


def customer_said(body: bytes) -> list[Said]:
    """The whole profile, and the consents that were given or withdrawn."""
    customer = parsed(Customer, body)
    address = customer.default_address or _Address()
    profile = {
        "name": joined(customer.first_name, customer.last_name),
        "email": customer.email,
        "phone": customer.phone,
        "address": joined(address.address1, address.address2, address.zip, address.city, address.country),
        "region": address.province,
        "city": address.city,
        "source": "shopify",
    }
    consents = (
        *_consents("email", customer.email_marketing_consent),
        *_consents("sms", customer.sms_marketing_consent),
    )
    return [SentCustomer(customer.id, customer.created_at, present(profile), consents)]


def consent_said(body: bytes, channel: Literal["email", "sms"]) -> list[Said]:
    """The consent alone, where it says something."""
    update = parsed(ConsentUpdate, body)
    consent = update.email_marketing_consent if channel == "email" else update.sms_marketing_consent
    found = _consents(channel, consent)
    return [SentCustomer(update.customer_id, None, None, found)] if found else []


def _consents(channel: str, consent: _Consent | None) -> tuple[SentConsent, ...]:
    if consent is None or consent.state not in _SAYS:
        return ()
    return (SentConsent(channel, "marketing", _SAYS[consent.state], "shopify", consent.consent_updated_at),)
