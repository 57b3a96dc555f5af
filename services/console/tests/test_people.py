"""The people of a shop: invited, given another role, removed; nobody sees customers without having agreed (SEC-003)."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from console.access import store
from console.main import recover

from .conftest import PASSWORD, Browser, Site


async def person_id(browser: Browser, name: str, shop: str = "tea") -> str:
    page = await browser.get(f"/s/{shop}/people")
    found = re.search(rf'/people/(\d+)"[^>]*>{name}<', page)
    assert found is not None, page
    return found[1]


async def test_an_owner_invites_somebody_by_a_link_that_is_shown_once(site: Site) -> None:
    owner = await site.signed_in("owner", "Ann")
    await owner.get("/s/tea/people")
    page = await owner.post("/s/tea/people/invite", role="agent")
    link = re.search(r'id="link"[^>]*>https://[^/]+(/invitation/[^<]+)<', page)
    assert link is not None
    assert link[1] not in await owner.get("/s/tea/people")
    guest = site.browser()
    await guest.get(link[1])
    await guest.post(link[1], name="Bea", password=PASSWORD)
    assert guest.status == 422, "who does not agree sees nobody"
    await guest.post(link[1], name="Bea", password=PASSWORD, agreed="yes")
    assert guest.status == 200
    await guest.get("/s/tea/people")
    assert guest.status == 403
    page = await owner.get("/s/tea/people")
    assert "Bea" in page
    assert page.count("agreed 20") == 2


async def test_a_shop_keeps_an_owner_whatever_two_owners_do_at_once(site: Site) -> None:
    """XCT-004: neither by another role nor by leaving; two who remove each other at the same time: one stays."""
    ann, bob = await site.signed_in("owner", "Ann"), await site.signed_in("owner", "Bob")
    one, other = await person_id(ann, "Ann"), await person_id(bob, "Bob")
    await ann.get(f"/s/tea/people/{other}")
    await bob.get(f"/s/tea/people/{one}")
    await asyncio.gather(
        ann.post(f"/s/tea/people/{other}/leave", sure="yes"), bob.post(f"/s/tea/people/{one}/leave", sure="yes")
    )
    async with site.console.database.transaction() as tx:
        left = await tx.fetch("select person_id from shops_of_people where shop = 'tea'")
    assert len(left) == 1
    last, who = (ann, one) if str(left[0].person_id) == one else (bob, other)
    await last.get(f"/s/tea/people/{who}")
    assert "A shop keeps one owner at least" in await last.post(f"/s/tea/people/{who}/role", role="viewer")
    await last.get(f"/s/tea/people/{who}")
    assert "Tick the box" in await last.post(f"/s/tea/people/{who}/leave")
    await last.get(f"/s/tea/people/{who}")
    assert "A shop keeps one owner at least" in await last.post(f"/s/tea/people/{who}/leave", sure="yes")


async def test_another_role_counts_from_the_next_page_on_and_removing_ends_the_session(site: Site) -> None:
    owner, bea = await site.signed_up("owner", "Ann"), await site.signed_up("viewer", "Bea")
    number = await person_id(owner, "Bea")
    await owner.get(f"/s/tea/people/{number}")
    await owner.post(f"/s/tea/people/{number}/role", role="owner")
    await bea.get("/s/tea/people")
    assert bea.status == 200
    await owner.get(f"/s/tea/people/{number}")
    await owner.post(f"/s/tea/people/{number}/leave", sure="yes")
    await bea.get("/s/tea/today")
    assert "<h1>Sign in</h1>" in bea.page
    done = [action for action, thing, _ in await site.entries() if thing.startswith("people/")]
    assert done == ["join", "join", "change_role", "remove_person"]
    await bea.post("/sign-in", name="Bea", password=PASSWORD)
    assert bea.status == 422, "nothing signs in who left"
    assert "<h1>Today</h1>" in (await site.signed_up("viewer", "bea")).page, "the name is free"


async def test_who_broke_confidentiality_sees_no_customer_until_it_is_handled_and_agreed_anew(site: Site) -> None:
    """SEC-003: recorded, handled, and agreed to again; a form that is sent twice notes one violation."""
    owner, bea = await site.signed_in("owner", "Ann"), await site.signed_in("agent", "Bea")
    number = await person_id(owner, "Bea")
    await owner.get(f"/s/tea/people/{number}")
    assert "Say in a few words what happened" in await owner.post(f"/s/tea/people/{number}/violations", what=" ")
    await owner.get(f"/s/tea/people/{number}")
    form = owner.page
    await owner.post(f"/s/tea/people/{number}/violations", what="told a friend what Cleo buys")
    owner.page = form
    await owner.post(f"/s/tea/people/{number}/violations", what="told a friend what Cleo buys")
    assert owner.page.count("told a friend") == 1
    await bea.get("/s/tea/customers")
    assert "<h1>Confidentiality</h1>" in bea.page
    page = await bea.post("/account/confidentiality", agreed="yes")
    assert "An owner has noted a violation" in page
    violation = re.search(r"/violations/(\d+)", await owner.get(f"/s/tea/people/{number}"))
    assert violation is not None
    await owner.post(f"/s/tea/people/{number}/violations/{violation[1]}", outcome="spoken to")
    assert "spoken to" in owner.page
    await bea.get("/s/tea/today")
    assert "<h1>Confidentiality</h1>" in bea.page, "handled, and not agreed yet"
    assert "Tick the box to agree." in await bea.post("/account/confidentiality")
    await bea.post("/account/confidentiality", agreed="yes")
    assert "<h1>Today</h1>" in bea.page


@pytest.mark.parametrize("path", ["/s/tea/people/77", "/s/wine/people", "/s/tea/people/0"])
async def test_there_is_no_such_person_or_shop(site: Site, path: str) -> None:
    owner = await site.signed_in("owner", "Ann")
    await owner.get(path)
    assert owner.status in (404, 422)


async def test_links_end_with_the_role_of_who_made_them_and_can_be_taken_back(site: Site) -> None:
    """SEC-003: who was removed, lowered or broke confidentiality has no way back in; who came in is in the audit."""
    owner, otto = await site.signed_in("owner", "Ann"), await site.signed_in("owner", "Otto")
    links = []
    for _ in range(3):
        await otto.get("/s/tea/people")
        found = re.search(r'id="link"[^>]*>https://[^/]+(/invitation/[^<]+)<', await otto.post(
            "/s/tea/people/invite", role="owner"
        ))  # fmt: skip
        assert found is not None
        links.append(found[1])
    page = await owner.get("/s/tea/people")
    number = re.search(r"/people/links/(\d+)", page)
    assert number is not None
    assert page.count("Take back the link for owner") == 3
    await owner.post(f"/s/tea/people/links/{number[1]}")
    assert owner.page.count("Take back the link for owner") == 2
    guest = site.browser()
    await guest.get(links[2])
    assert guest.status == 410, "the newest was taken back"
    await guest.get(links[0])
    await guest.post(links[0], name="Gus", password=PASSWORD, agreed="yes")
    assert guest.status == 200
    assert ("join", "people/owner", "done") in await site.entries()
    who = await person_id(owner, "Otto")
    await owner.get(f"/s/tea/people/{who}")
    await owner.post(f"/s/tea/people/{who}/role", role="agent")
    await site.browser().get(links[1])
    stranger = site.browser()
    await stranger.get(links[1])
    assert stranger.status == 410
    assert "Take back" not in await owner.get("/s/tea/people")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/s/tea/people/1/violations", {"what": "a\0b"}),
        ("/s/tea/people/1/role", {"role": "owner", "form": "\0"}),
        ("/s/tea/paperwork/lesson", {"name": "n\0"}),
        ("/s/tea/paperwork/lesson/end", {"of": "a\0"}),
    ],
)
async def test_what_no_text_can_hold_is_refused_in_every_form(site: Site, path: str, fields: dict[str, Any]) -> None:
    owner = await site.signed_in("owner", "Ann")
    await owner.get("/s/tea/people")
    await owner.post(path, **fields)
    assert owner.status == 422


@pytest.mark.parametrize("path", ["/s/tea/paperwork/lesson/one?of=%00", "/s/tea/customers/%00", "/sign-in?next=%00"])
async def test_what_no_text_can_hold_is_refused_in_every_address(site: Site, path: str) -> None:
    owner = await site.signed_in("owner", "Ann")
    await owner.get(path)
    assert owner.status in (404, 422)


async def test_no_shop_is_left_without_an_owner_who_may_enter(site: Site) -> None:
    """XCT-004: an owner who is kept out for a violation does not count; nobody notes one of themselves."""
    ann, bob = await site.signed_in("owner", "Ann"), await site.signed_in("owner", "Bob")
    one, other = await person_id(ann, "Ann"), await person_id(ann, "Bob")
    await ann.get(f"/s/tea/people/{one}")
    assert "Another owner notes" in await ann.post(f"/s/tea/people/{one}/violations", what="me")
    await ann.get(f"/s/tea/people/{other}")
    await ann.post(f"/s/tea/people/{other}/violations", what="told a friend")
    violation = re.search(r"/violations/(\d+)", ann.page)
    assert violation is not None
    await ann.get(f"/s/tea/people/{one}")
    assert "A shop keeps one owner" in await ann.post(f"/s/tea/people/{one}/role", role="viewer")
    assert "A shop keeps one owner" in await ann.post(f"/s/tea/people/{one}/leave", sure="yes")
    await ann.get(f"/s/tea/people/{one}")
    page = await ann.post(f"/s/tea/people/{one}/violations/{violation[1]}", outcome="nothing")
    assert "It was handled before." in page, "it is another person's"
    await bob.get("/s/tea/today")
    assert "<h1>Confidentiality</h1>" in bob.page


async def test_what_an_owner_notes_in_one_shop_concerns_no_other(site: Site) -> None:
    """SEC-003: a violation in another shop locks nobody out here, nor does being removed there."""
    nora, bert = await site.signed_in("owner", "Nora"), await site.signed_in("owner", "Bert", shop="old")
    link = await site.link("viewer", "old")
    await nora.get(link)
    await nora.post(link)
    assert "<h1>Confidentiality</h1>" in nora.page, "of each shop anew"
    await nora.post("/account/confidentiality", agreed="yes")
    await nora.get("/s/old/today")
    assert "<h1>Today</h1>" in nora.page
    number = await person_id(bert, "Nora", "old")
    await bert.get(f"/s/old/people/{number}")
    await bert.post(f"/s/old/people/{number}/violations", what="told a friend")
    await nora.get("/s/old/today")
    assert "<h1>Confidentiality</h1>" in nora.page
    await nora.get("/s/tea/today")
    assert "<h1>Today</h1>" in nora.page
    await bert.get(f"/s/old/people/{number}")
    await bert.post(f"/s/old/people/{number}/leave", sure="yes")
    await nora.get("/s/tea/today")
    assert "<h1>Today</h1>" in nora.page
    await nora.get("/s/old/today")
    assert nora.status == 404


async def test_a_look_counts_in_its_shop_alone(site: Site) -> None:
    """SEC-006: shops number their customers alike; what was shown in one is no look in another."""
    nora = await site.signed_in("owner", "Nora")
    async with site.console.database.transaction() as tx:
        person = await tx.value("select person_id from people")
        await store.save_role(tx, person, "old", "agent", agreed=True)
    await nora.get("/s/tea/customers/c2")
    await nora.post("/s/tea/customers/c2/show", field="email", form="f-1")
    async with site.console.database.transaction() as tx:
        assert [row.object for row in await tx.fetch("select object from looks order by 1")] == [
            "tea: customers/c2/email",
            "tea: opened c2",
        ]


async def recovery_link(owner: Browser, number: str) -> str:
    await owner.get(f"/s/tea/people/{number}")
    found = re.search(r'id="link"[^>]*>https://[^/]+(/recovery/[^<]+)<', await owner.post(
        f"/s/tea/people/{number}/recovery"
    ))  # fmt: skip
    assert found is not None, owner.page
    return found[1]


async def test_who_lost_password_and_second_factor_comes_in_by_a_link_that_an_owner_makes(site: Site) -> None:
    """SEC-003: audited, counts once, ends by a newer one; the old password and all sessions end."""
    owner, bea = await site.signed_in("owner", "Ann"), await site.signed_in("agent", "Bea")
    number = await person_id(owner, "Bea")
    async with site.console.database.transaction() as tx:
        await tx.execute("update people set totp = 'sealed', totp_step = 7 where name = 'Bea'")
    older, newer = [await recovery_link(owner, number) for _ in range(2)]
    assert newer not in await owner.get(f"/s/tea/people/{number}"), "shown once"
    guest = site.browser()
    await guest.get(older)
    assert guest.status == 410, "a newer one ends it"
    for _ in range(6):
        await guest.get("/sign-in")
        await guest.post("/sign-in", name="Bea", password="forgotten, all of it")
    assert guest.status == 429
    await guest.get(newer)
    await guest.post(newer, password="short")
    assert (guest.status, "A password has" in guest.page) == (422, True)
    other = site.browser()
    await other.get(newer)
    new = "a staple of batteries, correct"
    await asyncio.gather(guest.post(newer, password=new), other.post(newer, password=new))
    assert sorted((guest.status, other.status)) == [200, 410], "once"
    came = guest if guest.status == 200 else other
    assert "Your new password counts" in came.page
    assert "A password alone opens your account." in came.page, "the second factor is taken off"
    late = site.browser()
    await late.get(newer)
    await late.post(newer, password=new)
    assert late.status == 410
    await bea.get("/s/tea/today")
    assert "<h1>Sign in</h1>" in bea.page, "sessions of before end"
    await bea.post("/sign-in", name="Bea", password=PASSWORD)
    assert bea.status == 422, "and so does the old password; attempts of before are forgotten"
    await bea.post("/sign-in", name="Bea", password=new)
    assert bea.status == 200
    done = [action for action, thing, _ in await site.entries() if thing == f"people/{number}"]
    assert done == ["make_recovery", "make_recovery", "recover"]


async def test_no_owner_gets_into_another_shop_by_a_link_for_somebody_elses_account(site: Site) -> None:
    """SEC-003: every shop of the person must be the owner's, when the link is made and when it is used."""
    bert, nora = await site.signed_in("owner", "Bert"), await site.signed_in("viewer", "Nora")
    me, number = await person_id(bert, "Bert"), await person_id(bert, "Nora")
    await bert.get(f"/s/tea/people/{me}")
    assert "Your own password is changed on your account's page" in bert.page
    await bert.post(f"/s/tea/people/{me}/recovery")
    assert (bert.status, "/recovery/" in bert.page) == (422, False)
    link = await recovery_link(bert, number)
    async with site.console.database.transaction() as tx:
        await store.save_role(tx, int(number), "old", "owner", agreed=True)
    guest = site.browser()
    await guest.get(link)
    assert guest.status == 410, "she has come into a shop that is not his"
    await bert.get(f"/s/tea/people/{number}")
    assert "who owns all of them makes the link" in bert.page
    await bert.post(f"/s/tea/people/{number}/recovery")
    assert bert.status == 422
    await nora.get(f"/s/old/people/{me}")
    await nora.post(f"/s/old/people/{me}/recovery", form="f-9")
    assert nora.status == 404, "he is nobody of this shop"
    await nora.get("/s/tea/today")
    await nora.post(f"/s/tea/people/{me}/recovery", form="f-10")
    assert nora.status == 403


async def test_the_only_owner_comes_in_again_by_the_command(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    await site.signed_in("owner", "Ann")
    assert await recover(site.console.settings, "nobody") == 1
    assert "is not known" in capsys.readouterr().err
    assert await recover(site.console.settings, "ann") == 0
    link = capsys.readouterr().out.strip().removeprefix("https://console.shop.example")
    guest = site.browser()
    await guest.get(link)
    await guest.post(link, password="a staple of batteries, correct")
    assert "<h1>Today</h1>" in await guest.get("/s/tea/today")
    assert ("make_recovery", "people/1", "done") in await site.entries()


async def test_who_is_signed_out_of_one_shop_stays_in_the_others(site: Site) -> None:
    """SEC-003: an owner's word counts in the owner's shop; a session that begins afterwards opens it again."""
    owner, nora = await site.signed_in("owner", "Ann"), await site.signed_up("agent", "Nora")
    number = await person_id(owner, "Nora")
    async with site.console.database.transaction() as tx:
        await store.save_role(tx, int(number), "old", "agent", agreed=True)
    await owner.get(f"/s/tea/people/{number}")
    await owner.post(f"/s/tea/people/{number}/sessions")
    await nora.get("/s/tea/today")
    assert (nora.status, "An owner of this shop has signed you out" in nora.page) == (401, True)
    await nora.get("/s/old/today")
    assert "<h1>Today</h1>" in nora.page
    await nora.get("/s/tea/today")
    await nora.post("/sign-out")
    await nora.post("/sign-in", name="Nora", password=PASSWORD)
    assert "<h1>Today</h1>" in await nora.get("/s/tea/today")
