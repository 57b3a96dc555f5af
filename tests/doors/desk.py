"""An owner's browser at a console that asks the real HTTP side of the services."""

from __future__ import annotations

import re
import secrets
from html import unescape
from typing import Any

import httpx
from fastapi import FastAPI

from console.client import Services

from .conftest import KEY, SHOP

BASE = f"/v1/shops/{SHOP}"


class WiredServices(Services):
    """The services' apps in this process, asked as over the network."""

    def __init__(self, apps: dict[str, FastAPI]) -> None:
        super().__init__({name: f"http://{name}.test" for name in apps}, KEY, 20, 20)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {KEY}"},
            mounts={f"all://{name}.test": httpx.ASGITransport(app=app) for name, app in apps.items()},
        )

    async def json(self, service: str, path: str) -> Any:
        """What the service answers."""
        answer = await self._client.get(f"http://{service}.test{BASE}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, service: str, path: str, body: dict[str, Any]) -> None:
        answer = await self._client.post(f"http://{service}.test{BASE}{path}", json=body)
        assert answer.status_code < 300, answer.text


class Desk:
    """An owner's browser; forms are sent with what their pages hold."""

    def __init__(self, client: httpx.AsyncClient, services: WiredServices) -> None:
        self.client, self.services = client, services
        self.page = ""

    async def get(self, path: str) -> str:
        answer = await self.client.get(path if path.startswith("/s/") else f"/s/{SHOP}{path}")
        assert answer.status_code == 200, (path, answer.text)
        self.page = unescape(answer.text)
        return self.page

    async def send(self, path: str, expected: int = 303, files: Any = None, **fields: str) -> str:
        """Send a form; gives where it leads to, or the page that says why not."""
        token = re.search(r'name="token" value="([^"]+)"', self.page)
        assert token is not None
        data = {"token": token[1], "form": secrets.token_hex(8), **fields}
        answer = await self.client.post(
            f"/s/{SHOP}{path}", data=data, files=files, headers={"sec-fetch-site": "same-origin"}
        )
        said = re.findall(r'role="alert"[^>]*>(.*?)</p>|class="error"[^>]*>(.*?)</p>', answer.text)
        assert answer.status_code == expected, (path, said)
        if expected != 303:
            self.page = unescape(answer.text)
            return self.page
        return answer.headers["location"]

    def command(self) -> str:
        """What the form of the page names its command."""
        found = re.search(r'name="command" value="([^"]+)"', self.page)
        assert found is not None
        return found[1]

    async def follow(self, path: str, **fields: str) -> str:
        """Send a form, and open what it leads to."""
        return await self.get(await self.send(path, 303, None, **fields))
