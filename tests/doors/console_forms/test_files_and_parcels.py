"""Forms of parcels, imports and settings."""

from __future__ import annotations

import re

from fastapi import FastAPI

from ..desk import Desk


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


async def test_every_layout_and_encoding_of_a_file_can_be_chosen(desk: Desk, apps: dict[str, FastAPI]) -> None:
    """ORD-005: a layout that orders-ingest learns is offered by the console's form too."""
    page = await desk.get("/imports")
    operation = apps["orders-ingest"].openapi()["paths"]["/v1/shops/{shop}/imports"]["post"]
    taken = {each["name"]: set(each["schema"].get("enum", ())) for each in operation["parameters"]}
    for name in ("layout", "encoding"):
        select = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
        assert select is not None
        assert set(re.findall(r"<option[^>]*>([^<]+)", select[0])) == taken[name] != set()
