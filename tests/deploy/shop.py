"""A shop that speaks to the stack of a walk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from .walking import Walk

SHOP = "/v1/shops/teahouse"
WITHIN_S = 120


class Shop:
    """Speaks to the services of the stack with the bootstrap key."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        key = (walk.folder / "secrets/bootstrap_api_key").read_text().strip()
        self._http = httpx.Client(headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=20)

    def close(self) -> None:
        self._http.close()

    def call(self, service: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(method, f"http://{self._walk.address(service)}:8080{path}", json=body)

    def order(self, number: int, state: str = "paid") -> httpx.Response:
        order = {"order_id": f"{number}", "state": state, "currency": "EUR", "goods_paid": 12_900}
        event = {"id": f"order-{number}-{state}", "type": f"order.{state}", "subject": "ann", "data": order}
        return self.call("orders-ingest", "POST", f"{SHOP}/events", event)

    def decisions(self) -> str:
        """Why no mail came, for who reads a failure."""
        return self.call("messaging", "GET", f"{SHOP}/customers/ann/decisions").text

    def mails(self) -> list[dict[str, Any]]:
        text = self._walk.containers["mailpit"].exec("cat", "/tmp/mails.jsonl").stdout
        return [json.loads(line) for line in text.splitlines()]

    def open(self) -> None:
        """The shop's settings, and Ann, who may be written to."""
        set_up = self.call("orders-ingest", "PUT", f"{SHOP}/settings", {"zone": "Europe/Berlin", "currency": "EUR"})
        assert set_up.status_code == 200, set_up.text
        ann = {
            "id": "ann",
            "name": "Ann Li",
            "email": "ann@example.test",
            "language": "en",
            "registered_at": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        }
        told = self.call("orders-ingest", "POST", f"{SHOP}/customers", {"customers": [ann]})
        assert told.status_code == 202, told.text


def until(check: Callable[[], bool], what: str | Callable[[], str]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not check():
        assert time.monotonic() < deadline, what if isinstance(what, str) else what()
        time.sleep(0.5)
