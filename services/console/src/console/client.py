"""The console's client of the services: what a service does not say in time is a value, not an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import httpx
import structlog

log = structlog.get_logger()
DEAR_AT_ONCE, DEAR_WITHIN_S, DEAR_ALL_S = 2, 30.0, 110.0
"""Of questions for which a service reads all of a shop's orders: so many of a page at a time, each so long, and all
together so long; what has not come by then is given up, and the page shows the rest."""
BROWSER_WAITS_S = DEAR_ALL_S + 10
"""As long a browser waits for what is late; htmx by itself would wait for a minute."""
State = Literal["ok", "unknown", "refused", "unavailable", "late"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question. `detail` is the problem's sentence.

    `body`: the decoded answer, of a picture its text, where `state` is ok.

    `unknown`: 404. `refused`: another 4xx. `unavailable`: no answer in time, or 5xx. `late`:
    none within the page's budget; the page asks again by itself.
    """

    service: str
    state: State
    body: Any = None
    detail: str = ""
    slug: str = ""
    kind: str = ""
    """Of a file its media type."""

    @property
    def ok(self) -> bool:
        return self.state == "ok"

    @property
    def absent(self) -> bool:
        """Nothing is there under the address, or could be: no service has an id of that form."""
        return self.state == "unknown" or (self.state == "refused" and self.slug == "invalid_request")


class Ask(NamedTuple):
    """One question: which service, which path, which query. `dear`: the service reads all of a shop's orders for it."""

    service: str
    path: str
    params: Mapping[str, Any] = {}
    dear: bool = False


class Services:
    """The services by their addresses, behind one pool; made on the event loop that uses it."""

    def __init__(self, addresses: Mapping[str, str], key: str, within_s: float, budget_s: float) -> None:
        self.budget_s = budget_s
        self._addresses = {name: url.rstrip("/") for name, url in addresses.items()}
        self._within_s = within_s
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(within_s),
            limits=httpx.Limits(max_connections=200, keepalive_expiry=30),  # before the services close them
            # The authorities' certificates take megabytes: they are read where an address needs them.
            verify=any(url.startswith("https:") for url in addresses.values()),
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def names(self) -> list[str]:
        return list(self._addresses)

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, *asked: Ask) -> list[Answer]:
        """All at once; each within its own time limit, the answers in the order of the questions.

        Dear ones a few at a time and with patience, so that orders need not wait for the figures of a large shop.
        """
        return await asyncio.gather(*self._asked(asked))

    async def ask_soon(self, *asked: Ask) -> list[Answer]:
        """As `ask`, but what is not there within the page's budget is `late`, and given up."""
        if not asked:
            return []
        tasks = [asyncio.create_task(each) for each in self._asked(asked)]
        _, late = await asyncio.wait(tasks, timeout=self.budget_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return [Answer(a.service, "late") if t.cancelled() else t.result() for a, t in zip(asked, tasks, strict=True)]

    def _asked(self, asked: Collection[Ask]) -> list[Coroutine[Any, Any, Answer]]:
        turns = asyncio.Semaphore(DEAR_AT_ONCE)
        until = asyncio.get_running_loop().time() + DEAR_ALL_S

        async def answer(to: Ask) -> Answer:
            if not to.dear:
                return await self._call("GET", to.service, to.path, params=to.params)
            try:
                async with asyncio.timeout_at(until), turns:
                    return await self._call("GET", to.service, to.path, within_s=DEAR_WITHIN_S, params=to.params)
            except TimeoutError:
                return Answer(to.service, "unavailable")

        return [answer(each) for each in asked]

    async def tell(self, service: str, method: str, path: str, *, within_s: float | None = None, **more: Any) -> Answer:
        """A command of the service."""
        return await self._call(method, service, path, within_s=within_s, **more)

    async def upload(self, service: str, path: str, params: Mapping[str, str], parts: AsyncIterator[bytes]) -> Answer:
        """A file as the request's body; staging it may take minutes."""
        return await self._call(
            "POST", service, path, within_s=600, params=params, content=parts, headers={"content-type": "text/plain"}
        )

    async def download(self, service: str, path: str) -> tuple[Answer, AsyncIterator[bytes] | None]:
        """A file of the service as it comes, whatever its size; None where the answer is not ok."""
        try:
            async with asyncio.timeout(self._within_s):
                asked = self._client.build_request("GET", self._addresses[service] + path)
                got = await self._client.send(asked, stream=True)
                if got.status_code >= 400:
                    await got.aread()
                    return _answer(service, got), None
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            log.warning("no_answer", asked=service, method="GET", reason=type(error).__name__)
            return Answer(service, "unavailable"), None
        kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(service, "ok", kind=kind), _chunks(got)

    async def _call(
        self, method: str, service: str, path: str, *, within_s: float | None = None, **more: Any
    ) -> Answer:
        within = within_s or self._within_s
        try:
            # httpx bounds each read; the whole is bounded here.
            async with asyncio.timeout(within):
                got = await self._client.request(method, self._addresses[service] + path, timeout=within, **more)
                return _answer(service, got)
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            log.warning("no_answer", asked=service, method=method, reason=type(error).__name__)
            return Answer(service, "unavailable")


async def _chunks(got: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in got.aiter_bytes():
            yield chunk
    finally:
        await got.aclose()


def _answer(service: str, got: httpx.Response) -> Answer:
    if got.status_code < 400:
        picture = got.headers.get("content-type", "").startswith("image/svg+xml")
        return Answer(service, "ok", got.text if picture else got.json() if got.content else None)
    try:
        problem = got.json()
        slug, detail = str(problem["type"]).rpartition("/")[2], str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        slug, detail = "", ""
    if got.status_code >= 500 or got.status_code in (401, 429):
        # A key that is refused is the console's own fault and no answer to what was asked.
        log.warning("no_answer", asked=service, status=got.status_code, slug=slug)
        body = got.json() if got.status_code == 503 and not slug and got.content else None
        return Answer(service, "unavailable", body, detail, slug)
    return Answer(service, "unknown" if got.status_code == 404 else "refused", None, detail, slug)
