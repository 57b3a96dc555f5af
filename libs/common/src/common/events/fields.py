"""The kinds of field that events, bodies, paths and files share, and the limits of each, in bytes of UTF-8."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StrictInt, WrapValidator

from common.values.currency import EXPONENTS
from common.values.names import is_asked
from common.values.paths import DOTS, NO_STEP
from common.values.texts import UNFIT

MAX_IDENTIFIER = 200
MAX_SHOP = 63
MAX_NAME = 300
"""Of an event's `id`, `source` and other attributes. An index row of PostgreSQL ends at 2,704 bytes: a shop,
a customer, two identifiers and `source#id` are 1,264."""
MAX_EVENT = 1_000_000
"""An event as JSON. With what we add it stays far below a topic's record."""
MAX_RECORD = 4 * 1024 * 1024
"""A record of a topic."""
MAX_BODY = 10 * 1024 * 1024
MAX_FILE = 512 * 1024 * 1024
"""A file of history, packed or not, as it is sent."""
MAX_PATH = 4_000
"""Path and query of a request, as they are sent."""
MAX_NUMBER = 2**53 - 1
"""The largest whole number that JavaScript and JSON in most languages hold exactly."""
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
    _storable(text)
    if len(text) > MAX_PERSONAL and not text.startswith(SEALED):
        raise ValueError(f"personal text has at most {MAX_PERSONAL} characters")
    return text


# White space and control characters by Unicode, written out: languages differ in what they call a space.
_SPACES = r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CONTROLS = _SPACES.replace(r"\u0020", r"\u001f")  # the plain space is none of them
_HALVES = r"\ud800-\udfff"
_IDENTIFIER = re.compile(rf"[^{_SPACES}{_HALVES}/#|]+")
_NAME = re.compile(rf"[^{_CONTROLS}{_HALVES}]+")
_SOURCE = re.compile(rf"[^{_SPACES}{_HALVES}#|]+")  # `source#id` names a cause, so the first # ends the source
_SHOP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_OURS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z", re.ASCII)
"""How we write a time ourselves (`rfc3339`); the other ways take twice as long to read."""
_IDENTIFIER_RULE = f"1 to {MAX_IDENTIFIER} bytes of UTF-8, without white space, control characters, `/`, `#` and `|`"
_SHOP_RULE = f"1 to {MAX_SHOP} letters, digits, `.`, `_` and `-` of ASCII, the first a letter or digit"
_NAME_RULE = f"1 to {MAX_NAME} bytes of UTF-8, without control characters and white space but U+0020"
TIME_RULE = "a time by RFC 3339 with an offset: 2025-03-05T12:00:00+08:00"
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)


def _within(pattern: re.Pattern[str], most: int, rule: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if pattern.fullmatch(text) is None or (len(text) * 4 > most and len(text.encode()) > most):
            raise ValueError(f"must have {rule}")
        return text

    return check


_fits_identifier = _within(_IDENTIFIER, MAX_IDENTIFIER, _IDENTIFIER_RULE)
check_shop = _within(_SHOP, MAX_SHOP, _SHOP_RULE)
check_source = _within(
    _SOURCE, MAX_NAME, f"1 to {MAX_NAME} bytes of UTF-8, without white space, control characters, `#` and `|`"
)
check_name = _within(_NAME, MAX_NAME, _NAME_RULE)
check_claimed = _within(re.compile(r"[0-9a-f]{32}"), MAX_NAME, "16 bytes in lower-case hex")


def _no_step(text: str) -> str:
    if text in DOTS and is_asked():
        raise ValueError(NO_STEP)
    return text


def check_identifier(text: str) -> str:
    """Where it is asked for (`common.values.names.asked`) also that a path can name it. Raises ValueError."""
    return _fits_identifier(_no_step(text))


def _storable(text: str) -> str:
    if UNFIT.search(text):
        raise ValueError("must not hold the character U+0000 nor half a surrogate pair")
    return text


def _utc(instant: datetime) -> datetime:
    """In UTC; beyond its calendar the nearest end of it, which every rule of time refuses."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return (datetime.min if instant.year == 1 else datetime.max).replace(tzinfo=UTC)


def _instant(value: Any, read: Callable[[Any], datetime]) -> datetime:
    """A datetime, or a text by RFC 3339, in UTC; `read` is pydantic's reading of either."""
    if isinstance(value, str):
        if _OURS.fullmatch(value):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                pass  # no such day or hour, which `read` says better
        elif not _RFC3339.fullmatch(value):
            raise ValueError(f"must be {TIME_RULE}")
    elif not isinstance(value, datetime):
        raise ValueError(f"must be {TIME_RULE}")
    return _utc(read(value))


def _plannable(instant: datetime) -> datetime:
    if not FIRST_DAY <= instant.date() <= LAST_DAY:
        raise ValueError(f"must be a time from {FIRST_DAY} to {LAST_DAY}")
    return instant


Minor = Annotated[StrictInt, Field(ge=0, le=ABSURD, description="amount in minor units of the currency")]
Count = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Currency = Annotated[str, AfterValidator(_currency), Field(description="ISO 4217")]
Text = Annotated[str, AfterValidator(_storable), Field(max_length=500, description="at most 2,000 bytes of UTF-8")]
Identifier = Annotated[
    str,
    AfterValidator(check_identifier),
    Field(
        description=_IDENTIFIER_RULE,
        json_schema_extra={"minLength": 1, "maxLength": MAX_IDENTIFIER, "pattern": rf"^[^{_SPACES}/#|]+$"},
    ),
]
ShopName = Annotated[
    str,
    AfterValidator(check_shop),
    Field(
        description=_SHOP_RULE,
        json_schema_extra={"minLength": 1, "maxLength": MAX_SHOP, "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*$"},
    ),
]
Name = Annotated[
    str,
    AfterValidator(check_name),
    Field(
        description=_NAME_RULE,
        json_schema_extra={"minLength": 1, "maxLength": MAX_NAME, "pattern": rf"^[^{_CONTROLS}]+$"},
    ),
]
"""A name of our own making or another system's, such as an event's id: it may hold `/` and `#`."""
Sku = Annotated[Name, AfterValidator(_no_step)]
"""A product's, by which paths name it; a `/` in it may stand there as it is."""
Number = Annotated[StrictInt, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Position = Annotated[int, Field(ge=0, le=MAX_NUMBER, description="where the page before ended; 0: from the start")]
"""A cursor in a query, where whole numbers are texts."""
Cursor = Annotated[
    str,
    AfterValidator(_storable),
    Field(max_length=500, description="where the page before ended; empty: from the start"),
]
Instant = Annotated[AwareDatetime, WrapValidator(_instant)]
"""A time, converted to UTC. The taker checks which times make sense."""
PlannedTime = Annotated[Instant, AfterValidator(_plannable), Field(description=f"from {FIRST_DAY} to {LAST_DAY}")]
"""A time that the shop sets: far enough from the ends of the calendar to be computed with."""
PlannedDay = Annotated[date, Field(ge=FIRST_DAY, le=LAST_DAY, description=f"from {FIRST_DAY} to {LAST_DAY}")]
PersonalText = Annotated[
    str, Personal(), AfterValidator(_personal), Field(max_length=MAX_SEALED, description="personal: travels encrypted")
]
Revision = Annotated[
    StrictInt, Field(ge=0, le=MAX_NUMBER, description="producer's revision for this subject; the highest counts")
]
