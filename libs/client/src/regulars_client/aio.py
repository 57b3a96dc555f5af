"""The same client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import TypeVar

import httpx

from regulars_client.answers import Outcome
from regulars_client.calls import Answer, Ask, Call, Calls, Failure, Pause
from regulars_client.events import Consent, Customer, Event, Order, Profile, Refund
from regulars_client.retries import Retries

T = TypeVar("T")


class AsyncRegulars:
    """As `Regulars`, which says what each call does."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        shop: str,
        retries: Retries = Retries(),  # noqa: B008  # frozen
        timeout_s: float = 15.0,
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.calls = Calls(shop, retries)
        self._url, self._sleep = url.rstrip("/"), sleep
        self._http = http or httpx.AsyncClient(timeout=timeout_s)
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    async def put_order(self, order_id: str, order: Order) -> list[Outcome]:
        return await self.run(self.calls.put_order(order_id, order))

    async def put_refund(self, refund_id: str, refund: Refund) -> Outcome:
        return await self.run(self.calls.put_refund(refund_id, refund))

    async def put_customer(self, customer: str, profile: Profile) -> Outcome:
        return await self.run(self.calls.put_customer(customer, profile))

    async def put_consents(self, customer: str, consents: Sequence[Consent]) -> Outcome:
        return await self.run(self.calls.put_consents(customer, consents))

    async def put_customers(self, customers: Iterable[Customer]) -> list[Outcome]:
        return await self.run(self.calls.put_customers(customers))

    async def send(self, event: Event) -> Outcome:
        return await self.run(self.calls.send(event))

    async def send_all(self, events: Iterable[Event]) -> list[Outcome]:
        return await self.run(self.calls.send_all(events))

    async def deliver(self, event: Event, secret: str) -> Outcome:
        return await self.run(self.calls.deliver(event, secret))

    async def run(self, call: Call[T]) -> T:
        """Make the requests of a call."""
        came: Answer | Failure | None = None
        while True:
            try:
                step = call.send(came)
            except StopIteration as ended:
                result: T = ended.value
                return result
            came = await self._step(step)

    async def _step(self, step: Ask | Pause) -> Answer | Failure | None:
        if isinstance(step, Pause):
            await self._sleep(step.seconds)
            return None
        headers = {**self._headers, **step.headers}
        try:
            answer = await self._http.request(step.method, self._url + step.path, content=step.content, headers=headers)
        except httpx.RequestError as error:
            return Failure(f"{type(error).__name__}: {error}")
        return Answer(answer.status_code, answer.content, answer.headers)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncRegulars:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
