"""Which kinds of field do events share? Minor units, currencies, personal text."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt

from common.currency import EXPONENTS

MAX_PERSONAL = 4000  # characters before encryption
MAX_SEALED = 24_000  # characters of ciphertext
SEALED = "enc:"
ABSURD = 10**13  # minor units; a hundred thousand million of anything is a unit mistake


class Personal:
    """Marks a field that identifies a person: encrypted with the customer's key wherever it is stored or sent."""


def _currency(code: str) -> str:
    if code not in EXPONENTS:
        raise ValueError(f"unknown currency {code!r}: use an ISO 4217 code such as CNY, USD, EUR")
    return code


def _personal(text: str) -> str:
    if len(text) > MAX_PERSONAL and not text.startswith(SEALED):
        raise ValueError(f"personal text has at most {MAX_PERSONAL} characters")
    return text


Minor = Annotated[StrictInt, Field(ge=0, le=ABSURD, description="amount in minor units of the currency")]
Count = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Currency = Annotated[str, AfterValidator(_currency), Field(description="ISO 4217")]
Text = Annotated[str, Field(max_length=500)]
Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s/#|]+$")]
PersonalText = Annotated[
    str, Personal(), AfterValidator(_personal), Field(max_length=MAX_SEALED, description="personal: travels encrypted")
]
Revision = Annotated[StrictInt, Field(ge=0, description="producer's revision for this subject; the highest counts")]
