"""What a campaign may cost is held against the budget before it starts (ANA-052, XCT-009)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.campaigns.budget import give_back, held_for, hold, most_cost, payment_of, settle, standing
from console.records import store
from console.records.commands import NotSaved, save
from console.records.state import Record
from console.web.page import Viewer

from .conftest import Site
from .viewers import viewer_of


def _document(most: int | None = 1_000, each: int = 5, starts: str = "2199-03-05T10:00:00+08:00") -> dict[str, Any]:
    return {"cost_per_message": each, "most_messages": most, "starts_at": starts}


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        (_document(1_000, 5), 5_000),
        (_document(None, 5), None),
        (_document(None, 0), 0),
        (_document(1, 1_000_000), 1_000_000),
        (_document(100_000_000, 1_000_000), 10**14),
    ],
)
def test_what_a_campaign_may_cost_at_most(document: dict[str, Any], cost: int | None) -> None:
    """XCT-009: so many messages at so much each; without a limit of messages nothing bounds it."""
    assert most_cost(document) == cost


async def _item(viewer: Viewer, name: str, planned: int, **more: str) -> None:
    fields = {"expense": "campaigns", "planned": planned, "since": "2199-01-01", "until": "2199-12-01", "benefit": "-"}
    await save(viewer, "budget", name, 0, fields | {"currency": "EUR"} | more, f"item {name}")


async def _item_again(viewer: Viewer, name: str, version: int, planned: int, **days: str) -> Record:
    fields = {"expense": "campaigns", "planned": planned, "benefit": "-", "currency": "EUR"} | days
    return await save(viewer, "budget", name, version, fields, f"{name} {version} {planned}")


async def _spent(viewer: Viewer, item: str) -> int:
    async with viewer.console.database.transaction() as tx:
        return (await store.sum_payments(tx, viewer.here, [item])).get(item, {}).get("EUR", 0)


async def test_a_campaign_is_held_within_the_budget_and_of_two_that_race_for_the_rest_one(site: Site) -> None:
    """ANA-052, XCT-009: over the budget nothing starts; a refused start gives back, one that is over notes its cost."""
    viewer = await viewer_of(site, await site.signed_in("owner", "Ann"))
    assert await hold(viewer, "a", _document(), "", "EUR") is None, "the shop keeps no budget"
    await save(viewer, "standard", "campaigns", 0, {"limit": 100_00, "currency": "EUR"}, "f1")
    with pytest.raises(NotSaved, match="Choose the budget item"):
        await hold(viewer, "a", _document(), "", "EUR")
    await _item(viewer, "Spring", 100_00)
    await _item(viewer, "Waits", 100_01)
    await _item(viewer, "Gifts", 100_00, expense="gifts")
    await save(viewer, "standard", "gifts", 0, {"limit": 100_00, "currency": "EUR"}, "f1g")
    await _item(viewer, "Yen", 100_00, currency="JPY")
    await _item(viewer, "Past", 100_00, since="2198-01-01", until="2199-03-05")
    found = await standing(viewer, "a", _document(), "EUR")
    assert [(each.name, each.left) for each in found.items] == [("Spring", 100_00)]
    for item in ("Waits", "Gifts", "Past", "Yen", "nothing"):
        with pytest.raises(NotSaved, match="Choose the budget item"):
            await hold(viewer, "a", _document(), item, "EUR")
    with pytest.raises(NotSaved, match="Nothing bounds"):
        await hold(viewer, "a", _document(None), "Spring", "EUR")
    assert await hold(viewer, "a", _document(None, 0), "", "EUR") is None, "it costs nothing"
    with pytest.raises(NotSaved, match="has less left"):
        await hold(viewer, "a", _document(2_001), "Spring", "EUR")
    tries = [hold(viewer, name, _document(1_200), "Spring", "EUR") for name in ("a", "b", "c")]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(isinstance(each, NotSaved) for each in results) == [False, True, True], "100.00 hold 60.00 once"
    assert await _spent(viewer, "Spring") == 60_00
    ((name, first),) = [
        (name, each) for name, each in zip("abc", results, strict=True) if not isinstance(each, BaseException)
    ]
    assert first is not None
    starts = await asyncio.gather(*[hold(viewer, name, _document(1_200), "Spring", "EUR") for _ in range(3)])
    assert (len({first, *starts}), await _spent(viewer, "Spring")) == (4, 60_00)
    # The first goes through, whichever comes after it is refused, and last of all the one that held last.
    await asyncio.gather(*[give_back(viewer, name, str(each)) for each in starts])
    assert await _spent(viewer, "Spring") == 60_00, "the start that went through holds it"
    other_sum = await hold(viewer, name, _document(2_000), "Spring", "EUR")
    assert await _spent(viewer, "Spring") == 100_00
    await give_back(viewer, name, str(other_sum))
    assert await _spent(viewer, "Spring") == 60_00, "and its own sum"
    less = await hold(viewer, name, _document(100), "Spring", "EUR")
    assert await _spent(viewer, "Spring") == 60_00, "enough for whichever goes through"
    await give_back(viewer, name, str(less))
    await settle(viewer, name, 12_34, "EUR", "over")
    assert await _spent(viewer, "Spring") == 12_34
    other = await hold(viewer, "z", _document(1_753), "Spring", "EUR")
    assert other is not None
    assert await _spent(viewer, "Spring") == 99_99
    await give_back(viewer, "z", other)
    await give_back(viewer, "z", other)
    async with viewer.console.database.transaction() as tx:
        assert await held_for(tx, "tea", "z") is None
    anew = await hold(viewer, "z", _document(100), "Spring", "EUR")
    await give_back(viewer, "z", other)
    assert await _spent(viewer, "Spring") == 17_34, "what was given back before takes nothing from a new start"
    await give_back(viewer, "z", str(anew))
    with pytest.raises(NotSaved, match="Nothing is held"):
        await settle(viewer, "z", 1, "EUR", "of nothing")
    # Approved for gifts and November; what is asked for since waits, and pays for no campaign of December.
    await _item(viewer, "Moved", 90_00, expense="gifts", since="2198-11-01", until="2198-12-01")
    await _item_again(viewer, "Moved", 1, 100_01, since="2199-01-01", until="2199-12-01")
    found = await standing(viewer, "m", _document(), "EUR")
    assert "Moved" not in {each.name for each in found.items}
    await save(viewer, "standard", "campaigns", 1, {"limit": 10_00, "currency": "EUR"}, "f1 lower")
    later = await _item_again(viewer, "Spring", 1, 100_00, since="2199-01-01", until="2199-12-02")
    assert later.state == "asked", "days that nobody approved"
    with pytest.raises(NotSaved, match="More than that is paid"):
        await _item_again(viewer, "Spring", 2, 12_33, since="2199-01-01", until="2199-12-01")
    by_hand = {"item": "Spring", "amount": 1, "day": "2199-02-01", "currency": "EUR"}
    await save(viewer, "spending", payment_of("y"), 0, by_hand, "by hand")
    with pytest.raises(NotSaved, match="not of this campaign"):
        await hold(viewer, "y", _document(), "Spring", "EUR")
