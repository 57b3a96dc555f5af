"""Key figures over HTTP: what each counts, of the same five customers."""

from __future__ import annotations

from typing import Any

import httpx

from common.process.runtime import Runtime

from .test_segments import take
from .test_traits import known

BASE = "/v1/shops/tea/kpis"


async def ask(client: httpx.AsyncClient, what: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(f"{BASE}/{what}", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_buyers_and_what_they_spent(client: httpx.AsyncClient) -> None:
    """ANA-005 to 007, 011 to 015, 018, 019, 021, 034, 038: c1 bought once, c2 twice with a refund, c3 once."""
    found = await ask(client, "repurchase", days=90)
    assert (found["buyers"], found["repeating"], found["percent"]) == (3, 1, "33.33")
    assert (found["members"], found["percent_of_members"]) == (1, "0.00")
    assert (found["since"], found["until"]) == ("2024-12-21", "2025-03-21")
    nobody = await ask(client, "repurchase", since="2020-01-01", until="2020-02-01")
    assert (nobody["buyers"], nobody["percent"]) == (0, None)
    again = await ask(client, "first-to-second", within=30)
    assert (again["buyers"], again["again"], again["mature_buyers"]) == (3, 1, 2)
    assert (again["everybody"], again["mature"], again["estimated"]) == ("33.33", "50.00", "50.00")
    spent = await ask(client, "spending", since="2025-02-01", until="2025-03-01")
    assert (spent["net"], spent["net_before"], spent["growth"]) == (7_000, 30_000, "-76.67")
    assert (spent["orders_per_buyer"], spent["contribution"]) == ("1.00", "0.00")
    ladder = await ask(client, "ladder", industry="appliances")
    assert [(s["step"], s["part"], s["base"], s["usual"]) for s in ladder["steps"]][:2] == [
        ("1-2", 1, 3, 5),
        ("2-3", 0, 1, 15),
    ]
    assert ladder["usual_survivors"][0] == "500"
    shares = await ask(client, "shares", days=90)
    assert (shares["buyers"], shares["net"], shares["repeating"], shares["from_four"]) == (3, 37_500, "33.33", "0.00")
    assert shares["top_net"] == 22_000
    top = await ask(client, "top-buyers", since="2025-02-01", until="2025-03-21", top=25)
    assert (top["buyers"], top["returning"], top["percent"]) == (2, 1, "50.00")
    assert [each["customer"] for each in top["top"]] == ["c2", "c3"]
    kept = await ask(client, "retention", since="2025-02-01", until="2025-03-01")
    assert (kept["base"], kept["retained"], kept["churn_percent"]) == (2, 1, "50.00")
    tiers = (await ask(client, "tiers"))["tiers"]
    assert [(t["tier"], t["customers"], t["net"], t["arpu"]) for t in tiers] == [
        ("Regular", 1, 15_000, 15_000),
        (None, 2, 22_500, 11_250),
    ]


async def test_how_they_buy_and_judge(client: httpx.AsyncClient, runtime: Runtime, events: Any) -> None:
    """SEG-036, ANA-016, 017, 022, 023, 030, 031, 043."""
    await known(runtime, events)
    found = await ask(client, "new-and-returning")
    new, returning = found["new"], found["returning"]
    assert (new["orders"], returning["orders"], returning["units_per_order"]) == (3, 5, "2.00")
    assert new["net"] + returning["net"] == (await ask(client, "shares", days=90))["net"]
    assert (returning["promotion_percent"], returning["silent_percent"]) == ("100.00", "75.00")
    assert (new["promotion_percent"], returning["refunded_percent"]) == (None, "20.00")
    assert (returning["reviews"], returning["mean_stars"], returning["photo_percent"]) == (1, "1.00", "100.00")
    service = await ask(client, "service")
    assert (service["opened"], service["answered"], service["in_time_percent"]) == (1, 0, "0.00")
    assert service["answer_seconds"] is None
    rhythm = (await ask(client, "rhythm"))["weekdays"]
    assert sum(day["orders"] for day in rhythm) == 8
    assert rhythm[0]["hours"] == {"20": 1}
    (band,) = (await ask(client, "age-bands"))["bands"]
    assert (band["born_from"], band["age_from"], band["age_to"], band["buyers"]) == (1990, 31, 35, 1)
    assert (band["net_per_buyer"], band["orders_per_buyer"]) == (27_000, "5.00")
    assert band["preferred"] == [{"category": "tea", "units": 8}]
    profiles = await ask(client, "profiles")
    assert profiles["city_level"] == [{"value": "tier_1", "customers": 1, "returning": 1, "percent": "100.00"}]


async def test_what_customers_are_worth_keep_to_and_take_up(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """ANA-020, 024, 025, 026, 028, 040, 041, 042: c1, a member, bought four times more, tea that is new to c1."""
    await known(runtime, events)
    ways = await ask(client, "ways")
    assert (ways["orders"], ways["known"], ways["recommended_percent"]) == (8, 4, "25.00")
    assert (ways["recommended_percent_of_net"], ways["recommended_seconds"], ways["others_seconds"]) == (
        "25.00",
        600,
        600,
    )
    assert [(each["way"], each["orders"], each["percent"]) for each in ways["ways"]] == [
        ("search", 3, "75.00"),
        ("recommendation", 1, "25.00"),
    ]
    expansion = await ask(client, "expansion", since="2025-03-01", until="2025-03-21")
    assert (expansion["buyers"], expansion["expanding_percent"], expansion["new_percent"]) == (1, "100.00", "100.00")
    assert expansion["categories"] == [
        {"category": "tea", "buyers": 1, "expanding": 1, "percent": "100.00", "new_buyers": 1}
    ]
    assert (await ask(client, "expansion", since="2020-01-01", until="2020-02-01"))["expanding_percent"] is None
    seasons = await ask(client, "seasons")
    assert seasons["quarters"] == [1, 2, 3, 4]
    assert seasons["categories"] == [{"category": "tea", "units": {"1": 8}, "peak": 1, "peak_index": "405.56"}]
    assert (await ask(client, "seasons", days=15))["categories"][0]["peak"] is None
    assets = await ask(client, "assets")
    assert (assets["members"], assets["buyers"], assets["valued"]) == (1, 1, 0)
    quality = assets["quality"]
    assert (quality["repurchasers_percent"], quality["buying_percent"]) == ("100.00", "100.00")
    assert (quality["net_per_member"], quality["value_per_member"]) == (27_000, None)
    assert quality["value_fit"] == "too_few", "and the models that say nothing"
    sticky = await ask(client, "stickiness")
    assert (sticky["buyers"], sticky["again_percent"], sticky["sticky_percent"]) == (3, "66.67", "33.33")
    assert sticky["index"] is not None
    asked = {"since": "2025-02-01", "until": "2025-03-01"}
    losses = await ask(client, "losses", **asked, acquisition_cost=5_000, retention_cost=1_000)
    assert (losses["base"], losses["lost"], losses["net_per_buyer"]) == (2, 1, 15_000)
    assert (losses["profit_lost"], losses["to_replace"], losses["to_keep"]) == (3_000, 5_000, 1_000)
    assert losses["times"] == "5.00"
    unsaid = await ask(client, "losses", **asked)
    assert (unsaid["to_replace"], unsaid["to_keep"], unsaid["times"]) == (None, None, None)
    assert (await client.get(f"{BASE}/losses?profit_percent=101")).status_code == 422


async def test_periods_that_make_no_sense_are_refused(client: httpx.AsyncClient) -> None:
    for params in ({"since": "2025-02-01", "until": "2025-02-01"}, {"since": "1990-01-01"}, {"days": 0}):
        assert (await client.get(f"{BASE}/spending", params=params)).status_code == 422
    assert (await client.get(f"{BASE}/ladder", params={"industry": "shoes"})).status_code == 422


async def test_a_week_that_is_not_as_usual_is_told_with_kpi_size_and_period(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """ANA-044, ANA-045: twenty orders a week, then eight."""
    nothing = await ask(client, "anomalies")
    assert (nothing["week"], nothing["weeks"], nothing["anomalies"]) == ("2025-03-10", 4, [])
    orders = [
        events.completed(f"w{n}", f"2025-{day}T10:00", 1_000, order=f"{day}-{n}")
        for day, count in (("02-11", 20), ("02-18", 20), ("02-25", 20), ("03-04", 20), ("03-11", 8))
        for n in range(count)
    ]
    await take(runtime, *orders)
    found = await ask(client, "anomalies")
    told = {each["kpi"]: (each["value"], each["change"], each["worse"]) for each in found["anomalies"]}
    assert (told["orders"], told["buyers"]) == ((8, "-60.98", True), (8, "-60.98", True))
    assert found["currency"] == "CNY"
    assert (await client.get(f"{BASE}/anomalies?percent=4")).status_code == 422
    assert (await ask(client, "anomalies", percent=70))["anomalies"] == []
