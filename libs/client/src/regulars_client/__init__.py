"""A shop's side of Regulars: tell it orders, refunds, customers and what people do, once each whatever fails."""

from regulars_client.aio import AsyncRegulars
from regulars_client.answers import Outcome, Refused, RegularsError, Unreachable
from regulars_client.client import Regulars
from regulars_client.events import (
    Consent,
    Customer,
    Event,
    Interest,
    Line,
    Order,
    Profile,
    Promotion,
    Refund,
    SocialAccount,
)
from regulars_client.retries import Retries
from regulars_client.signing import sign, signed_headers
from regulars_client.spool import Spool, SpooledRefusal

__all__ = [
    "AsyncRegulars",
    "Consent",
    "Customer",
    "Event",
    "Interest",
    "Line",
    "Order",
    "Outcome",
    "Profile",
    "Promotion",
    "Refund",
    "Refused",
    "Regulars",
    "RegularsError",
    "Retries",
    "SocialAccount",
    "Spool",
    "SpooledRefusal",
    "Unreachable",
    "sign",
    "signed_headers",
]
