"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpx

from regulars_client.answers import Outcome
from regulars_client.calls import Answer, Ask, Call, Calls, Failure, Pause
from regulars_client.events import Consent, Customer, Event, Order, Profile, Refund
from regulars_client.retries import Retries
from regulars_client.spool import Spool

T = TypeVar("T")


class Regulars:
    """One shop at one installation; of use to several threads. All calls raise Refused and Unreachable.

    `url` is orders-ingest's. A call may be repeated whenever: the same thing counts once.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        shop: str,
        retries: Retries = Retries(),  # noqa: B008  # frozen
        timeout_s: float = 15.0,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls = Calls(shop, retries)
        self._url, self._sleep = url.rstrip("/"), sleep
        self._http = http or httpx.Client(timeout=timeout_s)
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def put_order(self, order_id: str, order: Order) -> list[Outcome]:
        """Tell an order as it stands; an outcome for each state that it has newly reached."""
        return self.run(self.calls.put_order(order_id, order))

    def put_refund(self, refund_id: str, refund: Refund) -> Outcome:
        """Tell a refund; it may come before its order."""
        return self.run(self.calls.put_refund(refund_id, refund))

    def put_customer(self, customer: str, profile: Profile) -> Outcome:
        """Tell a customer's whole profile."""
        return self.run(self.calls.put_customer(customer, profile))

    def put_consents(self, customer: str, consents: Sequence[Consent]) -> Outcome:
        """Tell consents that were given or withdrawn."""
        return self.run(self.calls.put_consents(customer, consents))

    def put_customers(self, customers: Iterable[Customer]) -> list[Outcome]:
        """Tell any number of customers, in batches; an outcome for each, in their order."""
        return self.run(self.calls.put_customers(customers))

    def send(self, event: Event) -> Outcome:
        """Tell one event; it is durable when this returns."""
        return self.run(self.calls.send(event))

    def send_all(self, events: Iterable[Event]) -> list[Outcome]:
        """Tell any number of events, in batches; an outcome for each, in their order. Those refused raise nothing."""
        return self.run(self.calls.send_all(events))

    def deliver(self, event: Event, secret: str) -> Outcome:
        """Tell one event by the signed webhook `standard`, for which no key is needed."""
        return self.run(self.calls.deliver(event, secret))

    def spool(self, path: Path | str) -> Spool:
        """Events that are kept on disk until they are told; see Spool."""
        return Spool(path, lambda batch: self.run(self.calls.send_encoded(batch)))

    def run(self, call: Call[T]) -> T:
        """Make the requests of a call."""
        came: Answer | Failure | None = None
        while True:
            try:
                step = call.send(came)
            except StopIteration as ended:
                result: T = ended.value
                return result
            came = self._step(step)

    def _step(self, step: Ask | Pause) -> Answer | Failure | None:
        if isinstance(step, Pause):
            self._sleep(step.seconds)
            return None
        headers = {**self._headers, **step.headers}
        try:
            answer = self._http.request(step.method, self._url + step.path, content=step.content, headers=headers)
        except httpx.RequestError as error:
            return Failure(f"{type(error).__name__}: {error}")
        return Answer(answer.status_code, answer.content, answer.headers)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Regulars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
