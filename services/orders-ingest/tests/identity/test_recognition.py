"""Who may be the same person is recognised by e-mail, phone and accounts, and shown (ORD-040)."""

from __future__ import annotations

from typing import Any

import httpx

from common.events.customers import CustomerUpdated
from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.erase_customer import erase_customer
from orders_ingest.identity.recognition import recognised_by

URL = "/v1/shops/demo/customers"
WEIBO = [{"platform": "Weibo", "account": "Ann-Li"}]


def kinds(*profiles: dict[str, Any]) -> list[set[tuple[str, bytes]]]:
    read = [CustomerUpdated.model_validate(profile) for profile in profiles]
    return [{(s.kind, s.hash) for s in recognised_by(b"k" * 32, "demo", "c", profile)} for profile in read]


def test_case_and_space_make_no_difference_and_shops_platforms_and_kinds_do() -> None:
    one, other = kinds({"email": "Ann@Example.test", "social": WEIBO}, {"email": " ann@example.test"})
    assert other < one
    assert {kind for kind, _ in one} == {"email", "account:weibo"}
    same = {"platform": "weibo", "account": "ann-li"}
    assert kinds({"social": WEIBO}) == kinds({"social": [same, same]})
    assert kinds({"social": WEIBO}) != kinds({"social": [{"platform": "douyin", "account": "ann-li"}]})
    assert kinds({"email": "  ", "social": [{"platform": "weibo"}]}) == [set()]
    of_another = recognised_by(b"k" * 32, "other", "c", CustomerUpdated(email="ann@example.test"))
    assert {sign.hash for sign in of_another}.isdisjoint(digest for _, digest in one)


async def put(api: httpx.AsyncClient, customer: str, **profile: Any) -> None:
    answer = await api.put(f"{URL}/{customer}", json=profile)
    assert answer.status_code == 202, answer.text


async def candidates(api: httpx.AsyncClient, customer: str) -> list[tuple[str, list[str]]]:
    answer = await api.get(f"{URL}/{customer}/candidates")
    assert answer.status_code == 200, answer.text
    return [(each["customer"], each["by"]) for each in answer.json()]


async def test_candidates_are_those_who_share_a_sign_as_profiles_stand(api: httpx.AsyncClient) -> None:
    await put(api, "ann", email="ann@example.test", phone="+8613800138000", social=WEIBO)
    await put(api, "till", phone="+86 138 0013 8000", social=[{"platform": "weibo", "account": "ann-li"}])
    await put(api, "mother", phone="+8613800138000")
    await put(api, "bob", email="bob@example.test")
    assert await candidates(api, "ann") == [("till", ["account:weibo", "phone"]), ("mother", ["phone"])]
    assert await candidates(api, "bob") == []
    await put(api, "mother", phone="+8613800138001")
    assert await candidates(api, "ann") == [("till", ["account:weibo", "phone"])]
    assert (await api.post(f"{URL}/ann/merge", json={"absorbed": "till"})).status_code == 200
    await put(api, "mother", social=WEIBO)
    for one in ("ann", "till"):
        assert await candidates(api, one) == [("mother", ["account:weibo"])]
    assert await candidates(api, "mother") == [("ann", ["account:weibo"])]
    assert (await api.get(f"{URL}/nobody/candidates")).json()["type"] == "/problems/unknown_customer"


async def test_an_erased_customer_is_recognised_no_more(api: httpx.AsyncClient, db: Database, vault: Vault) -> None:
    for one in ("ann", "till"):
        await put(api, one, email="ann@example.test")
    async with db.transaction() as tx:
        await erase_customer(tx, vault, "demo", "till")
    assert await candidates(api, "ann") == []
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from recognised_by") == 1


async def test_the_report_counts_what_is_stale_missing_and_double(api: httpx.AsyncClient, tell: Any) -> None:
    """MEM-007."""
    old = tell.event("customer.registered", {"name": "Old"}, subject="old", time="2024-01-01T00:00:00Z")
    assert (await api.post("/v1/events", json=old)).status_code == 202
    await put(api, "ann", name="Ann", email="ann@example.test", gender="female")
    await put(api, "till", email="ANN@example.test", birthday="1990-02-28")
    report = (await api.get("/v1/shops/demo/customers-report")).json()
    assert (report["profiles"], report["stale"], report["stale_days"]) == (3, 1, 365)
    missing = {"name": 1, "email": 1, "phone": 3, "birthday": 2, "gender": 2, "region": 3, "language": 3}
    assert report["missing"] == missing
    assert (await api.get("/v1/shops/demo/customers-report", params={"stale_days": 3650})).json()["stale"] == 0
    double = (await api.get("/v1/shops/demo/customers-duplicates")).json()
    assert [(each["people"], each["count"]) for each in double["items"]] == [(["ann", "till"], 2)]
    assert double["after"] is None
    assert (await api.get("/v1/shops/demo/customers-duplicates", params={"kind": "phone"})).json()["items"] == []
    rest = {"after": double["items"][0]["sign"]}
    assert (await api.get("/v1/shops/demo/customers-duplicates", params=rest)).json()["items"] == []
