"""Dead letters are read at the shop's own route where the console's key may not read the operator's (ORD-038)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from console.client import Services
from console.operations.dead_routes import is_own, list_dead, path_of

ROW = {"dead_id": 7, "slug": "invalid_event", "way": "webhook", "vendor": "shopify"}
FORBIDDEN = {"type": "/problems/missing_scope", "detail": "this key may not do that"}


async def listed(own: bool) -> list[Any]:
    """What a key of the shop alone, or of an operator, is answered for two services."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/ops/dead":
            return httpx.Response(403, json=FORBIDDEN) if own else httpx.Response(200, json=[{"dead_id": 7}])
        assert (request.url.path, request.url.params["limit"]) == ("/v1/shops/tea/dead", "50")
        return httpx.Response(200, json=[ROW])

    services = Services({"orders-ingest": "http://o", "membership": "http://m"}, "key", 1.0, 1.0)
    await services.close()
    services._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    try:
        return await list_dead(services, "tea", services.names, {"limit": 50})
    finally:
        await services.close()


async def test_the_key_of_a_shop_reads_what_the_shop_itself_sent() -> None:
    own, other = await listed(own=True)
    assert own.body == [{**ROW, "shop": "tea", "topic": "webhook.shopify.tea"}]
    assert path_of("tea", own.body[0]) == "/v1/shops/tea/dead/7"
    assert other.state == "refused"  # the other services have no route of the shop


async def test_an_operators_key_reads_the_operators_routes() -> None:
    answers = await listed(own=False)
    assert [path_of("tea", each.body[0]) for each in answers] == ["/ops/dead/7", "/ops/dead/7"]


@pytest.mark.parametrize(
    ("topic", "own"),
    [("intake.tea", True), ("webhook.shopify.tea", True), ("intake.teahouse", False), ("orders", False)],
)
def test_what_came_by_a_shops_own_ways_speaks_for_it_alone(topic: str, own: bool) -> None:
    assert is_own("tea", topic) is own
