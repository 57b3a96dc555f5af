"""Requests and their answers without any input or output: what the sync and the async client have in common.

A call is a generator: it yields an `Ask` and is sent an `Answer` or a `Failure`, yields a `Pause`, and returns its
result. So retries, batches and errors are written once.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from regulars_client.answers import Outcome, Refused, Unreachable
from regulars_client.events import Consent, Customer, Event, Order, Profile, Refund
from regulars_client.retries import Retries
from regulars_client.signing import signed_headers

BATCH = 1_000
"""Events, or customers, of one request."""
BATCH_BYTES = 4_000_000
_JSON, _EVENTS = "application/json", "application/cloudevents-batch+json"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Ask:
    """A request; its path begins with `/v1`."""

    method: str
    path: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Failure:
    """No answer: the connection could not be made, or broke."""

    reason: str


@dataclass(frozen=True)
class Pause:
    seconds: float


T = TypeVar("T")
Call = Generator[Ask | Pause, Answer | Failure | None, T]


class Calls:
    """The calls of one shop."""

    def __init__(self, shop: str, retries: Retries) -> None:
        self._base, self._retries = f"/v1/shops/{_part(shop)}", retries

    def put_order(self, order_id: str, order: Order) -> Call[list[Outcome]]:
        answer = yield from self._ask("PUT", f"/orders/{_part(order_id)}", order.told())
        return _results(answer)

    def put_refund(self, refund_id: str, refund: Refund) -> Call[Outcome]:
        answer = yield from self._ask("PUT", f"/refunds/{_part(refund_id)}", refund.told())
        return _outcome(answer)

    def put_customer(self, customer: str, profile: Profile) -> Call[Outcome]:
        answer = yield from self._ask("PUT", f"/customers/{_part(customer)}", profile.told())
        return _outcome(answer)

    def put_consents(self, customer: str, consents: Sequence[Consent]) -> Call[Outcome]:
        body = {"consents": [consent.told() for consent in consents]}
        answer = yield from self._ask("PUT", f"/customers/{_part(customer)}/consents", body)
        return _outcome(answer)

    def put_customers(self, customers: Iterable[Customer]) -> Call[list[Outcome]]:
        found: list[Outcome] = []
        for batch in batches(encoded(customer.told()) for customer in customers):
            content = b'{"customers":[' + b",".join(batch) + b"]}"
            answer = yield from self._asked("POST", "/customers", content, _JSON)
            found += _results(answer, len(batch))
        return found

    def send(self, event: Event) -> Call[Outcome]:
        answer = yield from self._ask("POST", "/events", event.told())
        return _outcome(answer)

    def send_all(self, events: Iterable[Event]) -> Call[list[Outcome]]:
        found: list[Outcome] = []
        for batch in batches(encoded(event.told()) for event in events):
            found += yield from self.send_encoded(batch)
        return found

    def send_encoded(self, events: Sequence[bytes]) -> Call[list[Outcome]]:
        """One batch of events that were encoded before."""
        answer = yield from self._asked("POST", "/events", b"[" + b",".join(events) + b"]", _EVENTS)
        return _results(answer, len(events))

    def deliver(self, event: Event, secret: str) -> Call[Outcome]:
        """By the webhook `standard`, signed anew with each attempt."""
        content = encoded(event.told())
        answer = yield from self._asked("POST", "/webhooks/standard", content, _JSON, (secret, event.id))
        [outcome] = _results(answer, 1)
        return outcome

    def _ask(self, method: str, path: str, body: Any) -> Call[Answer]:
        return (yield from self._asked(method, path, encoded(body), _JSON))

    def _asked(
        self, method: str, path: str, content: bytes, kind: str, signed: tuple[str, str] | None = None
    ) -> Call[Answer]:
        reason = ""
        for attempt in range(1, self._retries.attempts + 1):
            headers = {"content-type": kind}
            if signed is not None:
                headers |= signed_headers(signed[0], signed[1], content)
            came = yield Ask(method, self._base + path, content, headers)
            asked: float | None = None
            if isinstance(came, Answer):
                if 200 <= came.status < 300:
                    return came
                if came.status not in _AGAIN:
                    raise _refused(came)
                asked, reason = _retry_after(came), f"{came.status} {_begin(came)}"
            elif came is not None:
                reason = came.reason
            if attempt < self._retries.attempts:
                yield Pause(self._retries.wait_s(attempt, asked))
        raise Unreachable(f"no answer after {self._retries.attempts} attempts: {reason}")


def encoded(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def batches(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    """In their order, each of at most BATCH items and, but for a single one, BATCH_BYTES."""
    batch: list[bytes] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH or size + len(item) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item) + 1
    if batch:
        yield batch


def _part(name: str) -> str:
    return quote(name, safe="") if name not in (".", "..") else name.replace(".", "%2E")


def _outcome(answer: Answer) -> Outcome:
    try:
        return Outcome.model_validate_json(answer.content)
    except ValueError:
        raise _not_ours(answer) from None


def _results(answer: Answer, asked: int | None = None) -> list[Outcome]:
    """The outcomes, one for each thing `asked`, where that is known beforehand."""
    try:
        found = [Outcome.model_validate(one) for one in json.loads(answer.content)["results"]]
    except (ValueError, KeyError, TypeError):
        raise _not_ours(answer) from None
    if asked is not None and len(found) != asked:
        raise _not_ours(answer)
    return found


def _not_ours(answer: Answer) -> Unreachable:
    """A good status whose body somebody else wrote, such as a proxy: nothing is known of what became of the request."""
    return Unreachable(f"{answer.status}, not an answer of Regulars: {_begin(answer)}")


def _begin(answer: Answer) -> str:
    return answer.content[:200].decode("utf-8", "replace")


def _refused(answer: Answer) -> Refused:
    try:
        problem = json.loads(answer.content)
        slug = str(problem["type"]).rpartition("/")[2]
        return Refused(answer.status, slug, str(problem["detail"]), problem)
    except (ValueError, KeyError, TypeError):
        return Refused(answer.status, "no_problem_details", f"not an answer of Regulars: {_begin(answer)}", {})


def _retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
