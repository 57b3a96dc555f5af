"""Where a segment is ended, the page says which campaigns and flows name it (SEG-045, MSG-049)."""

from __future__ import annotations

from typing import Any

from .answering import Answering
from .conftest import Site

QUIET: dict[str, Any] = {
    **{"segment": "quiet", "version": 1, "name": "Quiet", "expression": "orders >= 1", "versions": []},
    **{"in_english": "bought", "in_chinese": "-", "archived": False, "compared": True, "customers": 3},
}
USES = "/segments/quiet/uses"
NOBODY: dict[str, list[Any]] = {"campaigns": [], "flows": [], "policy": []}


async def test_who_names_a_segment_is_said_beside_the_button_that_ends_it(site: Site) -> None:
    browser = await site.signed_in("owner")
    services = site.console.services = Answering(
        {"/segments/quiet": QUIET, USES: {"campaigns": [], "flows": [], "policy": []}}
    )
    page = await browser.get("/s/tea/segments/quiet")
    assert (browser.status, "no flow and no rule of contact names it" in page) == (200, True)
    services.bodies[USES] = {
        "campaigns": [{"campaign": "spring", "title": "Spring tea", "state": "draft", "leaves_out": True}],
        "flows": [{"flow": "mine", "title": "My flow", "enabled": False, "leaves_out": False}],
        "policy": ["vip_desk"],
    }
    page = await browser.get("/s/tea/segments/quiet")
    ending = page[page.index("End this segment") : page.index("End the segment Quiet")]
    for said in (
        '/campaigns/spring"',
        "Spring tea",
        "draft",
        '/flows/mine"',
        "My flow",
        "off",
        "who answers the best customers",
    ):
        assert said in ending, said
    assert ending.count("leaves its customers out") == 1
    services.bodies[USES] = NOBODY
    services.bodies["/segments/quiet"] = QUIET | {"archived": True}
    assert "End this segment" not in await browser.get("/s/tea/segments/quiet")


async def test_where_messaging_cannot_say_the_page_does_not_call_it_nobody(site: Site) -> None:
    browser = await site.signed_in("owner")
    site.console.services = Answering({"/segments/quiet": QUIET})
    page = await browser.get("/s/tea/segments/quiet")
    ending = page[page.index("End this segment") : page.index("End the segment Quiet")]
    assert "messaging has not heard of this one yet." in ending
    assert "no flow and no rule" not in ending
