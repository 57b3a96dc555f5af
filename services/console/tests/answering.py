"""Services that answer as a test says: the console's own client, over a transport in this process."""

from __future__ import annotations

from typing import Any

import httpx

from console.client import Services

NAMES = ("orders-ingest", "membership", "segmentation", "messaging", "feedback")


class Answering(Services):
    """`bodies`: by path within the shop; what is not there is answered with 404."""

    def __init__(self, bodies: dict[str, Any]) -> None:
        super().__init__({name: f"http://{name}.test" for name in NAMES}, "key", 20, 20)
        self.bodies = bodies
        self.asked = set[str]()
        self._client = httpx.AsyncClient(transport=httpx.MockTransport(self._answered))

    def _answered(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1/shops/tea")
        self.asked.add(path)
        return httpx.Response(200, json=self.bodies[path]) if path in self.bodies else httpx.Response(404)
