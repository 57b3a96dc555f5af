"""The route of deliveries: who is let in, what is answered, what is kept of what makes no sense (ORD-039, SEC)."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from common.process.runtime import Runtime
from common.storage.database import Database
from orders_ingest.webhooks.registry import VENDORS
from orders_ingest.webhooks.vendor import hmac_of


@pytest.mark.parametrize("vendor", VENDORS)
async def test_without_secret_or_signature_or_with_a_shop_that_is_not_there_the_answer_is_the_same(
    delivering: Any, vendor: str
) -> None:
    body = b'{"id":1}'
    for shop, headers in (("demo", {}), ("nobody", {}), ("demo", {"x-shopify-hmac-sha256": "AAAA", "event-sign": "x"})):
        answer = await delivering.raw(vendor, body, headers, shop)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/not_signed"), answer.text


async def test_a_signature_over_other_bytes_or_twice_is_refused(delivering: Any, shopify_order: Any) -> None:
    assert (await delivering.shopify("orders/create", shopify_order, secret="not-the-secret-of-it")).status_code == 401
    body = orjson.dumps(shopify_order)
    headers = {
        "x-shopify-hmac-sha256": hmac_of(delivering.secrets["shopify"], body),
        "x-shopify-topic": "orders/create",
    }
    assert (await delivering.raw("shopify", body, headers)).status_code == 401  # no id
    assert (await delivering.raw("shopify", body + b"\n", {**headers, "x-shopify-webhook-id": "1"})).status_code == 401


async def test_secrets_are_sealed_and_shown_never(api: httpx.AsyncClient, delivering: Any, db: Database) -> None:
    shown = await api.get("/v1/shops/demo/webhooks")
    assert [one["vendor"] for one in shown.json()] == sorted(VENDORS)
    assert shown.json()[0] == {
        "vendor": "shopify",
        "path": "/v1/shops/demo/webhooks/shopify",
        "secrets": 1,
        "since": "2026-03-05T12:00:00Z",
    }
    async with db.transaction() as tx:
        kept = str([row.value for row in await tx.fetch("select value from settings")])
    for secret in delivering.secrets.values():
        assert secret not in shown.text + kept
        assert secret.encode().hex() not in kept


@pytest.mark.parametrize(
    ("vendor", "secrets", "slug"),
    [
        ("shopify", ["short"], "invalid_secret"),
        ("woocommerce", ["has a space at its end "], "invalid_secret"),
        ("youzan", ["no-colon-in-this-secret"], "invalid_secret"),
        ("standard", ["whsec_AAAA"], "invalid_secret"),
        ("shopify", ["x" * 20] * 4, "invalid_request"),
        ("ebay", ["x" * 20], "invalid_request"),
    ],
)
async def test_a_secret_that_cannot_be_one_is_refused(
    api: httpx.AsyncClient, vendor: str, secrets: list[str], slug: str
) -> None:
    answer = await api.put(f"/v1/shops/demo/webhooks/{vendor}", json={"secrets": secrets})
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), answer.text
    assert not any(secret in answer.text for secret in secrets if len(secret) > 5)


async def test_a_delivery_that_makes_no_sense_is_kept_once_and_taken_when_it_is_mended(
    delivering: Any, shopify_order: Any, api: httpx.AsyncClient, runtime: Runtime, db: Database
) -> None:
    bad = {**shopify_order, "currency": "XYZ"}
    for _ in range(2):
        answer = await delivering.shopify("orders/create", bad)
        assert answer.status_code == 200
        [refused] = answer.json()["results"]
        assert (refused["status"], refused["slug"]) == ("refused", "invalid_delivery")
    [dead] = (await api.get("/ops/dead", params={"shop": "demo"})).json()
    assert (dead["topic"], dead["slug"]) == ("webhook.shopify.demo", "invalid_delivery")
    # The shop's own people see and mend it, and nobody else's.
    at = f"/v1/shops/demo/dead/{dead['dead_id']}"
    [shown] = (await api.get("/v1/shops/demo/dead", params={"way": "webhook", "resent": False})).json()
    assert (shown["dead_id"], shown["way"], shown["vendor"]) == (dead["dead_id"], "webhook", "shopify")
    assert (await api.get("/v1/shops/demo/dead", params={"way": "kafka"})).json() == []
    assert (await api.get("/v1/shops/other/dead")).json() == []
    for elsewhere in (at.replace("demo", "other"), at + "7"):
        answer = await api.get(elsewhere)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown_dead_event")
        answer = await api.post(elsewhere + "/resend", json={})
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown_dead_event")
    many = (await api.post("/v1/shops/demo/dead/resend", json={"limit": 1})).json()
    assert (many["new"], [one["slug"] for one in many["refused"]], many["after"]) == (
        *(0, ["invalid_delivery"]),
        dead["dead_id"],
    )
    again = await api.post(f"{at}/resend", json={})
    assert (again.status_code, again.json()["type"]) == (422, "/problems/invalid_delivery")
    kept = (await api.get(at)).json()["body"]
    mended = orjson.dumps({**orjson.loads(kept), "body": orjson.dumps(shopify_order).decode()}).decode()
    answer = await api.post(f"{at}/resend", json={"body": mended})
    assert answer.json() == {"dead_id": dead["dead_id"], "outcome": "new"}, answer.text
    assert (await api.get("/v1/shops/demo/dead", params={"resent": False})).json() == []
    assert (await api.get("/v1/shops/demo/orders/820982911946154508")).json()["state"] == "paid"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id":{}}', b"null", b"\xff", b'{"currency":"USD"}'])
@pytest.mark.parametrize("topic", ["orders/create", "refunds/create", "customers/create", "customers/redact"])
async def test_whatever_is_signed_is_answered_200_or_says_why_it_is_no_json(
    delivering: Any, topic: str, body: bytes
) -> None:
    headers = {
        "x-shopify-hmac-sha256": hmac_of(delivering.secrets["shopify"], body),
        "x-shopify-topic": topic,
        "x-shopify-webhook-id": "w",
    }
    answer = await delivering.raw("shopify", body, headers)
    assert answer.status_code == 200, answer.text
    assert [one["status"] for one in answer.json()["results"]] == ["refused"]


async def test_a_topic_that_tells_us_nothing_is_thanked_for(delivering: Any) -> None:
    answer = await delivering.shopify("app/uninstalled", {"id": 1})
    assert (answer.status_code, answer.json()) == (200, {"results": []})
