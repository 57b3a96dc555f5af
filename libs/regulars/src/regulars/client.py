"""The operator's client of the services: HTTP with a key, like any other caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from common.values.paths import part
from regulars.stack.errors import Refused

SERVICES = ("orders-ingest", "membership", "segmentation", "feedback", "messaging")
T = TypeVar("T")
WITHIN_S = 900.0
"""So long a service that is away is waited for."""
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
_AGAIN = frozenset({429, 502, 503, 504})


class NoAnswer(Refused):
    """No answer came, or it broke off: whether what was asked for was done is not known. `what`: without what to do."""

    def __init__(self, service: str, method: str, path: str, error: httpx.TransportError) -> None:
        self.what = f"{service} {method} {path} got no answer ({str(error) or type(error).__name__})"
        super().__init__(f"{self.what}: see `regulars status` and the log, then give the command again")


def _failed(service: str, method: str, path: str, error: httpx.TransportError) -> Refused:
    if isinstance(error, httpx.UnsupportedProtocol):
        return Refused(f"{service} cannot be asked: {error}; its address begins with http:// or https://")
    return NoAnswer(service, method, path, error)


class Services:
    """Clients of all services of one stack; `addresses` maps a service's name to its base URL."""

    def __init__(self, addresses: Mapping[str, str], key: str) -> None:
        self._clients = {
            name: httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {key}"},
                timeout=httpx.Timeout(120, connect=5),
                limits=httpx.Limits(keepalive_expiry=30),  # before the services close them
            )
            for name, url in addresses.items()
        }

    @classmethod
    def of(cls, clients: Mapping[str, httpx.AsyncClient]) -> Services:
        """Through clients that there are already."""
        made = cls({}, "")
        made._clients = dict(clients)
        return made

    async def __aenter__(self) -> Services:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    async def call(self, service: str, method: str, path: str, **more: Any) -> Any:
        """One request; the decoded JSON answer. Raises Refused with the problem's detail, NoAnswer where none came."""
        try:
            answer = await self._client(service).request(method, path, **more)
        except httpx.TransportError as error:
            raise _failed(service, method, path, error) from None
        _check(answer, service, method, path)
        return answer.json() if answer.content else None

    async def upload(self, service: str, path: str, file: Path, params: Mapping[str, str | None]) -> Any:
        """POST a file's content, in bounded memory; parameters that are None are left out. Raises Refused."""
        given = {name: value for name, value in params.items() if value is not None}
        # A large file is read whole before it is answered.
        patient = httpx.Timeout(3600, connect=5)
        return await self.call(service, "POST", path, params=given, content=_pieces(file), timeout=patient)

    async def download(self, service: str, path: str, to: Path) -> None:
        """Write what a path answers into a file. Raises Refused, NoAnswer where it broke off."""
        try:
            async with self._client(service).stream("GET", path) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    _check(answer, service, "GET", path)
                with to.open("wb") as file:
                    async for piece in answer.aiter_bytes():
                        file.write(piece)
        except httpx.TransportError as error:
            raise _failed(service, "GET", path, error) from None

    def _client(self, service: str) -> httpx.AsyncClient:
        if service not in self._clients:
            raise Refused(f"there is no service {service!r}; there are {', '.join(sorted(self._clients))}")
        return self._clients[service]

    async def get(self, service: str, path: str, **params: Any) -> Any:
        return await self.call(service, "GET", path, params=params)

    async def call_patiently(
        self, say: Callable[[str], None], service: str, method: str, path: str, **more: Any
    ) -> Any:
        """As `call`, of what does no harm when it is asked twice: a service that is away for a while is waited for."""
        return await patiently(lambda: self.call(service, method, path, **more), say)

    async def everywhere(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The same request to every service, side by side."""
        answers = await asyncio.gather(*(self.call(name, method, path, **more) for name in self._clients))
        return dict(zip(self._clients, answers, strict=True))


def _check(answer: httpx.Response, service: str, method: str, path: str) -> None:
    """Raises Refused with the problem's detail."""
    if answer.status_code < 400:
        return
    slug = ""
    try:
        problem = answer.json()
        slug = str(problem.get("type", "")).rpartition("/")[2]
        detail = f"{problem.get('title', '')}: {problem.get('detail', '')}"
    except ValueError:
        detail = answer.text[:300]
    raise Refused(f"{service} {method} {path} answered {answer.status_code}: {detail}", slug, answer.status_code)


async def patiently(ask: Callable[[], Awaitable[T]], say: Callable[[str], None]) -> T:
    """The answer to what may be asked twice; a service that is away, or has no time, is asked again for WITHIN_S."""
    loop = asyncio.get_running_loop()
    until, wait = loop.time() + WITHIN_S, FIRST_WAIT_S
    while True:
        try:
            return await ask()
        except Refused as error:
            if not isinstance(error, NoAnswer) and error.status not in _AGAIN:
                raise
            if loop.time() > until:
                raise Refused(f"given up after {WITHIN_S:.0f} s, the same command goes on from here: {error}") from None
            say(f"waiting: {(error.what if isinstance(error, NoAnswer) else str(error))[:200]}")
        await asyncio.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT_S)


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while piece := await asyncio.to_thread(source.read, 1 << 20):
            yield piece


async def set_up_shop(services: Services, shop: str, within_s: float = 30, **settings: str) -> None:
    """Tell the shop's settings at orders-ingest, and wait until every service knows them. Raises Refused."""
    path = f"/v1/shops/{part(shop)}/settings"
    await services.call("orders-ingest", "PUT", path, json=settings)
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        open_ = await ask_settled(services, wait_s=1)
        if open_ is not None and not any(counters["lag"] or counters["outbox"] for counters in open_.values()):
            return
        if asyncio.get_running_loop().time() > deadline:
            raise Refused(f"the settings of {shop} did not reach every service within {within_s:.0f} s: see the logs")


async def ask_settled(services: Services, **params: Any) -> dict[str, Any] | None:
    """What each service has still to do; None where one of them cannot say just now. Raises Refused otherwise."""
    try:
        return await services.everywhere("GET", "/ops/settled", params=params)
    except Refused as refused:
        if refused.status != 503:
            raise
        await asyncio.sleep(1)
        return None


async def count_mails(url: str) -> Any:
    """What the mail sink says it has accepted."""
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).json()
