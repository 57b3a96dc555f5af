"""Forms of reports, goals and paperwork."""

from __future__ import annotations

from ..conftest import SHOP
from ..desk import Desk


async def test_reports_goals_and_budgets_are_kept_by_their_forms(desk: Desk) -> None:
    """Every part is answered, nothing guessed: ANA-001, ANA-046, ANA-048, ANA-052, ANA-053.

    XCT-009, XCT-015, XCT-016, XCT-018, XCT-026, XCT-028.
    """
    assert "has not ended yet" in await desk.send("/reports", 422, kind="month", day="2025-03-04")
    assert "Write a day" in await desk.send("/reports", 422, kind="month", day="yesterday")
    page = await desk.follow("/reports", kind="year", day="2024-07-01")
    assert "Month of" not in page
    assert "Year of 2024-01-01 to 2024-12-31" in page
    assert "Not whole yet" not in page
    assert "No campaign ran" in page
    assert "Choose a day from 1970-01-01 on." in await desk.send("/reports", 422, kind="year", day="1900-12-31")
    page = await desk.follow("/reports", kind="year", day="2024-12-31")
    assert "Asked for by" in await desk.get("/reports?kind=year")
    goal = {"goal": "twice", "name": "Twice", "kpi": "net", "since": "2025-01-01", "until": "2026-01-01"}
    assert "Say either what it is" in await desk.send("/goals", 422, **goal)
    page = await desk.follow("/goals", **goal, target="1000.50")
    assert "1,000.50" in page
    assert 'value="1000.50"' in await desk.get("/goal-form?of=twice")
    page = await desk.send("/goals", 422, **goal, target="5", version="0")  # somebody set it meanwhile
    assert ("There is a goal of this id" in page, "`replaces`" in page) == (True, False)
    await desk.follow("/goals", **goal, target="2000", version="1")
    standing = await desk.services.json("segmentation", "/goals/twice")
    assert (standing["version"], standing["target"]) == (2, "200000.00")
    await desk.follow("/goals/twice/end")

    await desk.follow("/paperwork/standard", name="gifts", limit="100.00")
    item = {"name": "Tins", "expense": "gifts", "planned": "99.50", "benefit": "more orders"}
    page = await desk.send("/paperwork/budget", 422, **item, since="2025-01-01", until="2025-01-01")
    assert "Write a day after the first one." in page
    page = await desk.follow("/paperwork/budget", **item, since="2025-01-01", until="2026-01-01")
    assert "in force" in page
    page = await desk.send("/paperwork/spending", 409, name="Bill", item="Tins", amount="100", day="2025-02-01")
    assert "has less left than that" in page
    await desk.follow("/paperwork/spending", name="Bill", item="Tins", amount="60.25", day="2025-02-01")
    page = await desk.get("/paperwork/budget")
    assert "60.25<" in page
    assert "39.25<" in page
    risk = {"name": "Tired", "about": "fatigue", "measure": "Fewer mails", "owner": "Olga", "indicator": "not_sent"}
    await desk.follow("/paperwork/risk", **risk, alarm="10")
    move = {"who": "Tea & Co", "move": "discount", "since": "2025-01-01", "until": "2025-02-01"}
    answer = {"answer": "A course on tea", "differs": "Service beats price"}
    await desk.follow("/paperwork/competitor", name="January sale", **move, **answer)
    page = await desk.get("/paperwork/competitor")
    assert "A course on tea" in page
    assert "Service beats price" in page
    for kind in ("risk", "competitor", "department"):
        assert "did not answer" not in await desk.get(f"/paperwork/{kind}")
    step = {"name": "June mail", "level": "execution", "serves": "Keep the VIPs", "goal": "twice", "campaign": "june"}
    page = await desk.follow("/paperwork/way", **step, says="One mail")
    for path in ("/paperwork/way/one?of=Keep%20the%20VIPs", "/goals#goal-twice", "/campaigns/june"):
        assert f'href="/s/{SHOP}{path}"' in page, "a step leads to what it serves, its goal and its campaign"
    touch = {"media": "WeChat", "parcel": "A card"}
    await desk.follow("/paperwork/segment_plan", name="Sleepers", segment="sleepers", **touch)
    assert f'href="/s/{SHOP}/segments/sleepers"' in await desk.get("/paperwork/segment_plan")
    await desk.follow(
        "/paperwork/lesson", name="Parcels", day="2024-12-20", happened="Late", learnt="Order by the tenth"
    )
    page = await desk.get("/paper-form/plan?review=2024-01-01")
    for known in ('value="2025-01-01"', "Parcels: Order by the tenth", "No campaign ran"):
        assert known in page, "the next year's plan is drafted from the review"
    await desk.follow("/paperwork/plan", name="2025", starts="2025-02-01", goals="Half come back", focus="Mail")
    page = await desk.get("/plan")
    assert "does not say" not in page
    assert page.count("now</strong>") == 1
    page = await desk.follow("/reports", kind="month", day="2025-02-10")
    assert "Tins" in page
    assert "60.25" in page
