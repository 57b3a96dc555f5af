"""Hourly counts of visits as a shop sends them (ORD-029)."""

from __future__ import annotations

from typing import Any

import httpx

URL = "/v1/shops/demo/visits"


async def test_the_newest_count_of_an_hour_stands_and_days_are_the_shops(api: httpx.AsyncClient, tell: Any) -> None:
    """The shop's zone is Asia/Shanghai: its 5 March begins at 16:00 in UTC."""

    def counted(hour: str, visits: int, at: str, source: str = "search") -> dict[str, Any]:
        data = {"hour": f"2026-03-04T{hour}:00:00Z", "source": source, "visits": visits}
        event: dict[str, Any] = tell.event("visits.counted", data, subject=None, time=f"2026-03-05T{at}:00:00Z")
        return event

    sent = [counted("15", 9, "02"), counted("15", 5, "01"), counted("16", 7, "01"), counted("17", 1, "01", "ad")]
    answer = await api.post("/v1/events", json=sent)
    assert [each["status"] for each in answer.json()["results"]] == ["accepted"] * 4, answer.text
    span = {"since": "2026-03-04T00:00:00Z", "until": "2026-03-06T00:00:00Z"}
    hours = (await api.get(URL, params=span)).json()
    assert [(each["since"][11:13], each["source"], each["visits"]) for each in hours] == [
        ("15", "search", 9),
        ("16", "search", 7),
        ("17", "ad", 1),
    ]
    days = (await api.get(URL, params={**span, "by": "day"})).json()
    assert [(each["since"], each["source"], each["visits"]) for each in days] == [
        ("2026-03-03T16:00:00Z", "search", 9),
        ("2026-03-04T16:00:00Z", "ad", 1),
        ("2026-03-04T16:00:00Z", "search", 7),
    ]


async def test_what_is_no_hour_and_no_span_is_refused(api: httpx.AsyncClient, tell: Any) -> None:
    for zone in ("+05:30", "+05:45", "-03:30"):  # of India, Nepal, Newfoundland
        known = tell.event("visits.counted", {"hour": f"2026-03-04T15:00:00{zone}", "visits": 1}, subject=None)
        assert (await api.post("/v1/events", json=known)).status_code == 202, zone
    data = {"hour": "2026-03-04T15:10:00Z", "visits": 1}
    answer = await api.post("/v1/events", json=tell.event("visits.counted", data, subject=None))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_data")
    ours = {"hour": "2026-03-04T15:00:00Z", "visits": 1, "counted_by": "views"}
    answer = await api.post("/v1/events", json=tell.event("visits.counted", ours, subject=None))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_data")
    span = {"since": "2026-03-04T00:00:00Z", "until": "2026-03-04T00:00:00Z"}
    assert (await api.get(URL, params=span)).json()["type"] == "/problems/span_too_long"
