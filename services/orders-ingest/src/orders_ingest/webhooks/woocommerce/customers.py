"""WooCommerce's customer in our words."""

from __future__ import annotations

from html import unescape
from typing import Annotated

from pydantic import BeforeValidator

from orders_ingest.customers.state import SentCustomer
from orders_ingest.webhooks.state import Said
from orders_ingest.webhooks.vendor import Payload, Time, joined, parsed, present

GmtTime = Annotated[
    Time, BeforeValidator(lambda text: f"{text}Z" if isinstance(text, str) and len(text) == 19 else text)
]
"""WooCommerce writes its `…_gmt` times without an offset: 2017-03-22T16:28:02."""


Title = Annotated[str, BeforeValidator(lambda text: unescape(text) if isinstance(text, str) else text)]
"""WooCommerce writes names of goods as they stand in HTML: `Ship Your Idea &ndash; Color: Black`."""


class Address(Payload):
    """Of a customer or an order."""

    first_name: str | None = None
    last_name: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def person(self) -> str | None:
        return joined(self.first_name, self.last_name)

    @property
    def line(self) -> str | None:
        return joined(self.address_1, self.address_2, self.postcode, self.city, self.country)


class Customer(Payload):
    """What we read of it (REST API v3)."""

    id: str
    date_created_gmt: GmtTime | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    billing: Address = Address()


def customer_said(body: bytes) -> list[Said]:
    """The whole profile; WooCommerce knows of no consent."""
    customer = parsed(Customer, body)
    billing = customer.billing
    profile = {
        "name": joined(customer.first_name, customer.last_name) or billing.person,
        "email": customer.email or billing.email,
        "phone": billing.phone,
        "address": billing.line,
        "region": billing.state,
        "city": billing.city,
        "source": "woocommerce",
    }
    return [SentCustomer(customer.id, customer.date_created_gmt, present(profile))]
