"""Records on a real store: each change is a version, made once a form and never over another person's (XCT-012)."""

from __future__ import annotations

from typing import Any

from .answering import Answering
from .conftest import Site
from .papers import paper


async def test_a_record_is_added_changed_and_ended_once_a_form_and_never_over_anothers(site: Site) -> None:
    """XCT-012: each version stays, with who wrote it."""
    ann, ben = await site.signed_in("owner", "Ann"), await site.signed_in("marketer", "Ben")
    given: dict[str, Any] = {"name": "Leak", "about": "data_security", "measure": "Keys are rotated", "owner": "Ann"}
    page = await paper(ann, "risk", **(given | {"owner": " "}))
    assert ann.status == 422
    assert 'value="Leak"' in page
    await ann.get("/s/tea/paper-form/risk")
    sent = ann.page
    await ann.post("/s/tea/paperwork/risk", version="0", **given)
    assert ann.status == 200
    ann.page = sent
    await ann.post("/s/tea/paperwork/risk", version="0", **given)
    assert ann.status == 200, "the same form again is the same record"
    await paper(ben, "risk", **given)
    assert (ben.status, "one of this name" in ben.page) == (409, True)
    for who, measure in ((ben, "Ben's"), (ann, "Ann's")):
        await who.get("/s/tea/paper-form/risk?of=Leak")
        await who.post("/s/tea/paperwork/risk", **(given | {"version": "1", "measure": measure}))
    assert (ann.status, "Ben saved version 2 meanwhile" in ann.page) == (409, True)
    assert "Ann's" in ann.page, "what was written stays"
    page = await ann.get("/s/tea/paperwork/risk/one?of=Leak")
    assert ("Ben's" in page, page.count("<tr ")) == (True, 3)
    await ann.post("/s/tea/paperwork/risk/end", of="Leak", version="2")
    assert "Leak" not in await ann.get("/s/tea/paperwork/risk")
    await paper(ann, "risk", **given)
    assert ann.status == 200, "the name of what ended may be used again"
    entries = await site.entries()
    assert [e[0] for e in entries if e[1] == "risk/Leak"] == ["save_risk", "save_risk", "end_risk", "save_risk"]
    await ann.get("/s/tea/paperwork/nothing")
    assert ann.status == 404


async def test_a_risk_says_in_words_that_its_figure_is_above_the_limit(site: Site) -> None:
    """XCT-012: not by colour alone; a limit is one of a figure."""
    ann = await site.signed_in("owner", "Ann")
    site.console.services = Answering(
        {"/report": {"messages": {"sent": 3, "suppressed": 1}, "suppressed_by_reason": {"cap": 1}}}
    )
    given = {"name": "Tired", "about": "fatigue", "measure": "Fewer mails", "owner": "Ann", "alarm": "10"}
    assert "Choose the figure that the limit is for." in await paper(ann, "risk", **given)
    assert ann.status == 422
    await paper(ann, "risk", **given, indicator="not_sent")
    assert "25.0 %: too much" in await ann.get("/s/tea/paperwork/risk")
