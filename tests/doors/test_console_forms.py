"""Forms of the console sent to the real HTTP side of the services: what they order is taken, what is bad is said."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest_asyncio
from fastapi import FastAPI

from console.app import build_app
from console.web.page import Console

from .conftest import SHOP, signed_in
from .desk import Desk, WiredServices


@pytest_asyncio.fixture
async def desk(apps: dict[str, FastAPI], console: Console) -> AsyncIterator[Desk]:
    console.services = WiredServices(apps)
    async with aclosing(await signed_in(console, build_app(console), SHOP)) as client:
        made = Desk(client, console.services)
        await made.get("/tasks")
        yield made


async def test_tasks_content_and_surveys_are_worked_by_their_forms(desk: Desk) -> None:
    """XCT-003, FBK-021, FBK-043, FBK-015: taken, ended, approved with a grade, built question by question."""
    page = await desk.send("/tasks", 422, title="Better boxes", kind="improvement", due_at="tomorrow")
    assert "Better boxes" in page
    assert "Say when, with day and time." in page
    task = {"title": "Better boxes", "kind": "improvement", "topic": "packaging", "owner": "warehouse"}
    page = await desk.follow("/tasks", **task, due_at="2025-03-10T10:00", command="once")
    assert "Done: the service has taken it." in page
    assert "It is compared once the task is done." in page
    here = "/tasks/console-once"
    await desk.follow("/tasks", **task, due_at="2025-03-10T10:00", command="once")
    assert len((await desk.services.json("feedback", "/staff-tasks"))["items"]) == 1, "a repetition is one task"
    assert "Say to whom, until when, or both." in await desk.send(f"{here}/change", 422, revision="1")
    page = await desk.send(f"{here}/take", 422, revision="7")
    assert "changed meanwhile" in page, "somebody else's change is not overwritten"
    await desk.follow(f"{here}/take", revision="1")
    page = await desk.follow(f"{here}/end", outcome="done", measure="Thicker boxes")
    assert "Thicker boxes" in page
    ended = await desk.services.json("feedback", "/staff-tasks/console-once")
    assert (ended["owner"], ended["ended_by"], ended["outcome"]) == ("Olga", "Olga", "done")
    assert "Better boxes" in await desk.get("/tasks?view=ended")

    page = await desk.send("/content", 422, kind="tutorial", title="How to brew", link="")
    assert "How to brew" in page
    own = {"kind": "tutorial", "title": "How to brew", "link": "https://shop.example/brew", "command": "brew"}
    await desk.follow("/content", **own)
    assert "Say it in a few words." in await desk.send("/content/console-brew/refuse", 422, reason="")
    page = await desk.follow("/content/console-brew/approve", grade="A", featured="yes")
    assert "featured" in page
    page = await desk.send("/content/console-brew/refuse", 422, reason="too late")
    assert "what is approved withdrawn" in page
    await desk.follow("/content/console-brew/withdraw", reason="out of date")

    first = {"question_id": "taste", "type": "score", "words.en": "How did it taste?", "scale": "1-5"}
    page = await desk.send("/survey-builder", 422, form_id="tasting", kind="poll", **first)
    assert "Write it in at least one language." in page
    await desk.follow("/survey-builder", **{"title.en": "Tasting"}, form_id="tasting", kind="poll", **first)
    page = await desk.send("/survey-builder", 422, **{"title.en": "Tasting"}, form_id="tasting", kind="poll", **first)
    assert "There is such a form already" in page
    version = str((await desk.services.json("feedback", "/survey-forms"))["version"])
    why = {"question_id": "why", "type": "choices", "words.zh": "为什么？", "options": "a: A | 甲\nb: B"}
    page = await desk.follow("/survey-forms/tasting/questions", **why, replaces=version)
    assert "为什么？" in page
    page = await desk.send(
        "/survey-forms/tasting/questions",
        422,
        question_id="more",
        type="text",
        replaces=version,
        **{"words.en": "More?"},
    )
    assert "More?" in page, "a version saved meanwhile is not overwritten, and what was written stays"
    version = str((await desk.services.json("feedback", "/survey-forms"))["version"])
    await desk.follow("/survey-forms/tasting/questions/why/up", replaces=version)
    form = await desk.services.json("feedback", "/survey-forms")
    asked = next(each["form"]["questions"] for each in form["items"] if each["form"]["form_id"] == "tasting")
    assert [q["question_id"] for q in asked] == ["why", "taste"]
    await desk.follow("/survey-forms/tasting/questions/why/remove", replaces=str(form["version"]))


async def test_offers_activities_communities_and_partners_are_run_by_their_forms(desk: Desk) -> None:
    """MEM-054, MEM-084, MEM-101, MEM-040, MEM-090: set, issued, drawn with a proof, invited, saved."""
    for customer in ("ann", "bea"):
        await desk.services.post("membership", "/members", {"customer": customer})
    offer = {"offer_id": "spring", "name": "Spring tea", "purpose": "holiday", "starts": "2025-03-01T00:00"}
    page = await desk.send("/offers", 422, **offer, ends="2025-04-01T00:00")
    assert "The offer gives nothing yet." in page
    assert "Spring tea" in page
    page = await desk.follow("/offers", **offer, ends="2025-04-01T00:00", percent="12.5", gifts="tin-20 sample")
    assert "12.5 %" in page
    await desk.follow(
        "/offers",
        offer_id="other",
        name="Other",
        purpose="other",
        starts="2025-03-03T00:00",
        ends="2025-03-05T00:00",
        amount="5",
    )
    assert "2 overlap" in await desk.get("/offers-calendar?first=2025-03-01")
    page = await desk.send("/offers/spring/coupons", 422, count="3", code="TEA")
    assert "Choose one way: customers" in page
    page = await desk.follow("/offers/spring/coupons", customers="ann\nbea", command="once")
    await desk.follow("/offers/spring/coupons", customers="ann\nbea", command="once")
    coupons = await desk.services.json("membership", "/offers/spring/coupons?batch=console-once")
    assert sorted(each["customer"] for each in coupons["coupons"]) == ["ann", "bea"], "nobody has two of one batch"
    table = await desk.get("/offers/spring/coupons/console-once?download=true")
    assert [line.split(",")[1] for line in table.splitlines()] == ["customer", "ann", "bea"]
    await desk.get("/offers/spring")
    assert "segment" in await desk.send("/offers/spring/coupons", 422, segment="nosuch", command="to-nosuch")
    page = await desk.follow("/offers/spring/coupons", code="TEA", use_limit="9")
    assert "0 / 9" in page
    assert "taken back" in await desk.follow("/coupons/TEA/void")
    assert "TEA" in await desk.get("/coupon-search?code=TEA")
    assert "stopped" in await desk.follow("/offers/spring/stop")

    event = {"activity_id": "tasting", "name": "Tasting", "kind": "trial", "starts": "2025-03-03T10:00", "prizes": "1"}
    page = await desk.send("/activities", 422, **event, ends="2025-03-03T09:00")
    assert "It must end after it begins." in page
    await desk.follow("/activities", **event, ends="2025-03-05T12:00", places="2")
    await desk.follow("/activities/tasting/invitations", customers="ann bea")
    page = await desk.follow("/activities/tasting/entries/ann", step="taken")
    assert "take part: 1" in page
    await desk.follow("/activities/tasting/entries/ann", step="came")
    page = await desk.follow("/activities/tasting/draw")
    assert "Checked here: the seed has this hash" in page
    assert "prize 1" in page
    assert "Tasting" in await desk.get("/activities?first=2025-03-01")

    group = {"community_id": "friends", "name": "Tea friends", "channel": "wechat_group", "open": "yes"}
    page = await desk.send("/communities", 422, **group, tier_from="no-such-tier")
    assert "Tea friends" in page
    page = await desk.follow("/communities", **group)
    assert "Invite ann" in page
    await desk.follow("/communities/friends/members/ann", status="invited")
    assert "Remove ann" in await desk.follow("/communities/friends/members/ann", status="joined")
    assert 'value="Tea friends"' in await desk.get("/community-form?of=friends")

    page = await desk.send("/partners", 422, customer="ann", kind="affiliate", status="active")
    assert 'value="ann"' in page, "an active affiliate has an id at the network"
    page = await desk.follow("/partners", customer="ann", kind="affiliate", status="active", affiliate_id="tb-1")
    assert "tb-1" in page
    page = await desk.send("/surprises", 422, customer="ann", what="A tin", value="5.00", command="x")
    assert 'value="A tin"' in page, "there is no budget yet"
    tiers = (await desk.services.json("membership", "/programme"))["programme"]["tiers"]
    page = await desk.send("/tier-grants", 422, customer="ann", tier="no-such-tier", reason="A great friend")
    assert "A great friend" in page
    page = await desk.send("/tier-grants", 422, customer="ann", tier=tiers[1]["id"], reason="A great friend")
    assert "Customer ann is not known here yet" in page, "her key has not come by Kafka, which is not here"
    for path in ("/referrals", "/payouts", "/payouts?state=paid", "/points-owed", "/tier-grants", "/surprises"):
        await desk.get(path)


async def test_parcels_are_planned_and_refused_lines_mended_by_their_forms(desk: Desk) -> None:
    """MSG-066, ORD-039: never over somebody else's plan; mended lines are a new import."""
    card = {"insert": "card", "title": "Thank-you card", "kind": "thank_you_card", "parcels": "first", "replaces": "0"}
    page = await desk.send("/parcels", 422, **card, offer="spring")
    assert "say where the code leads" in page
    page = await desk.follow("/parcels", **card, **{"says.en": "Thank you"})
    assert "Thank-you card" in page
    assert "There is such an insert already" in await desk.send("/parcels", 422, **card)
    when = {"when.0.what": "orders", "when.0.how": "at_least", "when.0.value": "many", "of": "card"}
    page = await desk.send("/parcels", 422, **card | when)
    assert "Write a whole number within its bounds." in page
    tip = {"insert": "tip", "title": "Tip", "kind": "gift_tip", "parcels": "all"}
    assert "Somebody saved another version" in await desk.send("/parcels", 422, **tip, replaces="0")
    await desk.follow("/parcels", **tip, replaces="1")
    await desk.follow("/parcels/tip/up", replaces="2")
    plan = await desk.services.json("messaging", "/parcel-plan")
    assert [(i["insert"], i["first_order"]) for i in plan["document"]["inserts"]] == [("tip", None), ("card", True)]
    assert plan["document"]["inserts"][1]["says"] == {"en": "Thank you"}
    await desk.follow("/parcels/tip/remove", replaces="3")

    lines = b"order_id;time;customer;sku;paid\n1;2025-01-02;ann;tea;10.00\n2;soon;bob;tea;10.00\n"
    file = {"file": ("till.csv", lines, "text/csv")}
    await desk.get("/imports")
    job = re.sub(r".*/imports/([^/?]+).*", r"\1", await desk.send("/imports", files=file, layout="orders", name="till"))
    await desk.get(f"/imports/{job}/refused")
    text = await desk.send(f"/imports/{job}/to-mend", 200)
    assert "soon" in text
    await desk.get(f"/imports/{job}/refused")
    assert "Choose a file." in await desk.send(f"/imports/{job}/mended", 422, files={"other": ("x", b"", "text/csv")})
    mended = {"file": ("mended.csv", text.replace("soon", "2025-01-03").encode(), "text/csv")}
    page = await desk.get(await desk.send(f"/imports/{job}/mended", files=mended, encoding="utf-8"))
    assert f"/imports/{job}" in page, "it says whose lines it mends"
    page = await desk.send("/settings", 422, zone="Moon/Crater", currency="USD")
    assert 'value="Moon/Crater"' in page
    page = await desk.follow("/settings", zone="Asia/Shanghai", currency="USD", name="Tea House", version="1")
    assert "Tea House" in page
    page = await desk.send("/settings", 422, zone="Europe/Berlin", currency="USD", version="1")
    assert "The settings have version 2 now" in page, "never over another owner's"
    assert [v["zone"] for v in (await desk.services.json("orders-ingest", "/settings"))["versions"]][1:] == [
        "Asia/Shanghai"
    ]
    for path in ("/leaving", "/reviews", "/feeds", "/channels", "/catalogue", "/recommendations", "/kpis?wait=1"):
        await desk.get(path)
    assert "No channel rests." in await desk.get("/channels")


async def test_how_long_customers_are_kept_is_tried_set_and_taken_back(desk: Desk) -> None:
    """SEC-006: what makes no sense is said beside the field; an empty one keeps everybody."""
    assert "everybody is kept for ever" in await desk.get("/retention?months=12")
    assert "gave no sign since" in desk.page
    await desk.get("/retention-form")
    command = re.search(r'name="command" value="([^"]+)"', desk.page)
    assert command is not None
    page = await desk.send("/retention", 422, command=command[1], months="0")
    assert "Write a whole number within its bounds." in page
    page = await desk.follow("/retention", command=command[1], months="24")
    assert "Nobody is erased before" in page
    assert (await desk.services.json("orders-ingest", "/retention"))["months"] == 24
    await desk.get("/retention-form")
    assert 'value="24"' in desk.page
    command = re.search(r'name="command" value="([^"]+)"', desk.page)
    assert command is not None
    page = await desk.send("/retention", 422, command=command[1], months="36", version="0")
    assert "customers are kept for 24 months" in page, "never over another owner's period"
    await desk.get("/retention-form")
    command = re.search(r'name="command" value="([^"]+)"', desk.page)
    assert command is not None
    page = await desk.follow("/retention", command=command[1], months="", version="1")
    assert "everybody is kept for ever" in page
    assert (await desk.services.json("orders-ingest", "/retention"))["months"] is None


async def test_what_a_partner_is_given_is_agreed_registered_and_revoked(desk: Desk) -> None:
    """SEC-007: the pages show who agreed, what was given and under which key; a file is the service's own."""
    assert "Nothing is given to anybody." in await desk.get("/sharing")
    await desk.get("/sharing-form")
    terms = {"partner": "pots", "name": "Teapot Works", "purpose": "spring", "basis": "pseudonyms", "command": "agree"}
    page = await desk.send("/sharing", 422, **terms)
    assert "name at least one field" in page
    page = await desk.follow("/sharing", **terms, **{"customer-orders": "yes", "customer-region": "yes"})
    assert "Number of orders, Region" in page
    page = await desk.send("/sharing/pots/files", 422, share_id="of-orders", what="orders")
    assert 'value="of-orders"' in page, "the agreement names no field of orders"
    page = await desk.follow("/sharing/pots/files", share_id="march", what="customers")
    assert "asked for by Olga" in page
    assert "customer,orders,region" in await desk.send("/sharing/pots/files/march", 200)
    await desk.get("/sharing/pots")
    assert "customer,because" in await desk.send("/sharing/pots/gone", 200)
    assert re.search(r"of \d+ customers?, \d+ without a description, key 1", await desk.get("/sharing/pots"))
    assert "key 2, since" in await desk.follow("/sharing/pots/key", replaces="1")
    await desk.get("/sharing-form?partner=pots")
    assert 'value="Teapot Works"' in desk.page
    assert "nobody can say whom its rows meant" in await desk.follow("/sharing/pots/revocation")
    assert "Download as it stands now" not in desk.page
    assert "revoked" in await desk.get("/sharing")
    (kept,) = (await desk.services.json("orders-ingest", "/sharing/partners"))["items"]
    assert (kept["agreed_by"], kept["revoked_by"]) == ("Olga", "Olga")


async def test_reports_goals_and_budgets_are_kept_by_their_forms(desk: Desk) -> None:
    """ANA-001, ANA-046, ANA-048, ANA-052, ANA-053, XCT-009: every part is answered, nothing guessed."""
    assert "has not ended yet" in await desk.send("/reports", 422, kind="month", day="2025-03-04")
    assert "Write a day" in await desk.send("/reports", 422, kind="month", day="yesterday")
    page = await desk.follow("/reports", kind="year", day="2024-07-01")
    assert "Month of" not in page
    assert "Year of 2024-01-01 to 2024-12-31" in page
    assert "Not whole yet" not in page
    assert "No campaign ran" in page
    page = await desk.follow("/reports", kind="year", day="2024-12-31")
    assert "Asked for by" in await desk.get("/reports?kind=year")
    goal = {"goal": "twice", "name": "Twice", "kpi": "net", "since": "2025-01-01", "until": "2026-01-01"}
    assert "Say either what it is" in await desk.send("/goals", 422, **goal)
    page = await desk.follow("/goals", **goal, target="1000.50")
    assert "1,000.50" in page
    assert 'value="1000.50"' in await desk.get("/goal-form?of=twice")
    await desk.send("/goals", 422, **goal, target="5", version="0")  # somebody set it meanwhile
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
    await desk.follow("/paperwork/competitor", name="January sale", **move)
    for kind in ("risk", "competitor", "department"):
        assert "did not answer" not in await desk.get(f"/paperwork/{kind}")
    await desk.follow("/paperwork/plan", name="2025", starts="2025-02-01", goals="Half come back", focus="Mail")
    page = await desk.get("/plan")
    assert "does not say" not in page
    assert page.count("now</strong>") == 1
    page = await desk.follow("/reports", kind="month", day="2025-02-10")
    assert "Tins" in page
    assert "60.25" in page


async def test_every_layout_and_encoding_of_a_file_can_be_chosen(desk: Desk, apps: dict[str, FastAPI]) -> None:
    """ORD-005: a layout that orders-ingest learns is offered by the console's form too."""
    page = await desk.get("/imports")
    operation = apps["orders-ingest"].openapi()["paths"]["/v1/shops/{shop}/imports"]["post"]
    taken = {each["name"]: set(each["schema"].get("enum", ())) for each in operation["parameters"]}
    for name in ("layout", "encoding"):
        select = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
        assert select is not None
        assert set(re.findall(r"<option[^>]*>([^<]+)", select[0])) == taken[name] != set()
