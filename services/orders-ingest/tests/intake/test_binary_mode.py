"""CloudEvents in binary mode are refused with the content type to send."""

from typing import Any

import httpx
import pytest

CE = {"ce-specversion": "1.0", "ce-id": "e-1", "ce-type": "order.completed", "ce-source": "/shops/demo/backend"}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/shops/demo/events"])
async def test_a_request_in_binary_mode_says_what_to_send(api: httpx.AsyncClient, tell: Any, path: str) -> None:
    data = tell.order()["data"]
    answer = await api.post(path, json=data, headers=CE)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/binary_mode")
    assert "`Content-Type: application/cloudevents+json`" in answer.json()["detail"]


async def test_a_structured_event_is_taken_whatever_headers_come_with_it(api: httpx.AsyncClient, tell: Any) -> None:
    headers = {**CE, "content-type": "application/cloudevents+json"}
    assert (await api.post("/v1/events", json=tell.order(), headers=headers)).status_code == 202
