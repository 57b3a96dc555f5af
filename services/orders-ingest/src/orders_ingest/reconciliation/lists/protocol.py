"""What every system does whose list of orders is asked for: how a page is asked for, and what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import orjson

from common.values.addresses import InvalidAddress, is_private_host, webhook_url

Place = Mapping[str, Any]
"""Where in the list the next page begins, as the system's own words; kept between pages as JSON."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a shop's list is, and the secret by which it is read."""

    address: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A GET of one page."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


class Answer(NamedTuple):
    """What came; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Page(NamedTuple):
    """Orders by their ids, each as the system writes it; `next` None: it was the last page."""

    orders: dict[str, bytes]
    next: Place | None


class InvalidSource(ValueError):
    """Nothing can be asked for there; the message is a sentence that says how it looks, and shows no secret."""


class UnreadablePage(ValueError):
    """The answer is no page of orders; the message says what it is."""


class OrderList(Protocol):
    """One system's list of orders."""

    @property
    def name(self) -> str:
        """The vendor's, whose webhooks say orders in the same words."""

    @property
    def topic(self) -> str:
        """Under which an order of the list is read as a webhook's."""

    def check(self, source: Source, *, private: bool) -> Source:
        """The source in its one writing; `private`: hosts of private networks may be asked. Raises InvalidSource."""

    def ask(self, source: Source, since: datetime, place: Place | None) -> Asked:
        """For the first page of orders that changed at `since` or later, or the page at a place."""

    def read(self, answer: Answer, place: Place | None) -> Page:
        """What a page at that place says. Raises UnreadablePage."""


def base_of(address: str, *, private: bool) -> str:
    """The address in its one writing, without a slash at its end. Raises InvalidSource."""
    try:
        url = webhook_url(address)
    except InvalidAddress as error:
        said = str(error).replace("A webhook's URL", "The address").replace("its key", "the secret")
        raise InvalidSource(said) from None
    parts = urlsplit(url)
    if parts.query:
        raise InvalidSource("The address holds no query.")
    if is_private_host(parts.hostname or "") and not private:
        raise InvalidSource("The address is one of the public internet: hosts of private networks are not asked.")
    return url.rstrip("/")


def orders_in(found: object) -> list[tuple[str, dict[str, Any]]]:
    """Orders with their ids, in the page's order. Raises UnreadablePage."""
    if not isinstance(found, list) or not all(isinstance(one, dict) and _id_of(one) for one in found):
        raise UnreadablePage("the answer is no list of orders with ids")
    return [(_id_of(one), one) for one in found]


def written(order: Mapping[str, Any]) -> bytes:
    """The order as a webhook would bring it; empty, which nobody can read, where it is nested too deep to be written:
    it is refused by itself and stops no list."""
    try:
        return orjson.dumps(order)
    except orjson.JSONEncodeError:
        return b""


def _id_of(order: Mapping[str, Any]) -> str:
    id_ = order.get("id")
    return str(id_) if isinstance(id_, int | str) and re.fullmatch(r"[A-Za-z0-9_.:-]{1,100}", str(id_)) else ""


def json_of(answer: Answer) -> Any:
    """Raises UnreadablePage."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise UnreadablePage("the answer is no JSON") from None
