"""Forms of offers, activities, communities and partners."""

from __future__ import annotations

from ..desk import Desk


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
