"""A customer is found by an e-mail, a phone or a name, in whatever writing; no part of an address finds anybody."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.storage.database import Database
from orders_ingest.api.finding import masked
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.erase_customer import erase_customer
from orders_ingest.identity.names import parts_of

URL = "/v1/shops/demo/customers"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", set()),
        ("  ", set()),
        ("Ann", {"ann"}),
        ("Ann  LI", {"ann", "ann li", "li"}),
        ("Ann Mary Sue van der Berg", {"ann", "ann mary", "ann mary sue", "ann mary sue van der berg", "berg"}),
        ("王小明", {"王小", "王小明"}),
        ("欧阳小明明", {"欧阳", "欧阳小", "欧阳小明明"}),
        ("王", {"王"}),
        ("Ａｎｎ", {"ann"}),
        ("阿卜杜拉·买买提", {"阿卜杜拉", "阿卜杜拉 买买提", "买买提"}),
    ],
)
def test_a_name_is_kept_whole_and_by_its_first_parts(name: str, parts: set[str]) -> None:
    assert parts_of(name) == parts


def test_a_masked_name_says_one_sign_and_not_how_long_it_is() -> None:
    assert [masked(name) for name in ("Ann Li", " 王小明", "")] == ["A•••", "王•••", ""]


async def put(api: httpx.AsyncClient, customer: str, **profile: Any) -> None:
    answer = await api.put(f"{URL}/{customer}", json=profile)
    assert answer.status_code == 202, answer.text


async def found(api: httpx.AsyncClient, kind: str, value: str, **more: Any) -> list[str]:
    answer = await api.post(f"{URL}/find", json={"kind": kind, "value": value, **more})
    assert answer.status_code == 200, answer.text
    return [one["customer"] for one in answer.json()["customers"]]


async def test_customers_are_found_as_their_profiles_stand(api: httpx.AsyncClient, db: Database, vault: Vault) -> None:
    """ORD-040: replaced and erased data finds nobody; the same name makes nobody the same person."""
    await put(api, "ann", name="Ann Li", email="Ann@Example.test", phone="+8613800138000")
    await put(api, "anna", name="ann  li", phone="+86 138 0013 8001")
    await put(api, "wang", name="王小明")
    assert await found(api, "name", "ANN LI") == ["ann", "anna"] == await found(api, "name", "li")
    assert await found(api, "name", "ann", limit=1) == ["ann"]
    assert await found(api, "name", "ann", after="ann") == ["anna"]
    assert await found(api, "name", "王小") == ["wang"]
    assert await found(api, "name", "an") == await found(api, "name", "nobody") == []
    assert await found(api, "email", " ann@example.TEST") == ["ann"]
    assert await found(api, "phone", "+86 138-0013-8001") == ["anna"]
    assert (await api.get(f"{URL}/ann/candidates")).json() == [], "a name is no sign of who somebody is"
    await put(api, "anna", name="Berta")
    assert await found(api, "name", "ann li") == ["ann"]
    assert await found(api, "phone", "+8613800138001") == []
    assert (await api.post(f"{URL}/ann/merge", json={"absorbed": "anna"})).status_code == 200
    answer = await api.post(f"{URL}/find", json={"kind": "name", "value": "berta"})
    assert answer.json() == {"customers": [{"customer": "anna", "goes_on_as": "ann"}], "next_after": None}
    asked = {"customers": ["ann", "wang", "nobody"]}
    assert (await api.post(f"{URL}/names", json=asked)).json() == {"names": {"ann": "A•••", "wang": "王•••"}}
    async with db.transaction() as tx:
        await erase_customer(tx, vault, "demo", "wang")
    assert await found(api, "name", "王小明") == []
    assert (await api.post(f"{URL}/names", json=asked)).json() == {"names": {"ann": "A•••"}}


@pytest.mark.parametrize(("kind", "value"), [("email", "ann"), ("phone", "13800138000"), ("name", " · ")])
async def test_what_can_be_nobodys_is_refused_with_the_reason(api: httpx.AsyncClient, kind: str, value: str) -> None:
    answer = await api.post(f"{URL}/find", json={"kind": kind, "value": value})
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/invalid_search"


async def test_names_stand_on_no_page_of_duplicates(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/shops/demo/customers-duplicates", params={"kind": "name"})).status_code == 422
