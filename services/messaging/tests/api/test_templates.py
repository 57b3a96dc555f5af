"""A shop's own template: drafted, approved, previewed, sent, compared, and rebuilt. On real servers."""

from __future__ import annotations

from typing import Any

from common.events.messages import TemplateChanged
from messaging.channels.smtp.connection import SmtpConnection
from regulars.stack.mailsink import MailSink

from ..templates.test_own import SPRING
from ..test_rebuild import announced, rebuild

BASE = "/v1/shops/s/templates"
TIER = {**SPRING, "template": "tier", "kind": "greeting"}


async def test_a_template_is_written_by_once_it_was_approved(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    """MSG-013, MSG-052, MSG-064."""
    await messaging.feed(*messaging.known(language="en"), messaging.tier_up(1))
    async with messaging.client() as client:
        saved = await client.put(f"{BASE}/tier", json={"document": TIER, "author": "li"})
        assert (saved.status_code, saved.json()) == (200, {"template": "tier", "version": 1, "advice": []})
        listed = (await client.get(BASE)).json()
        assert [(t["template"], t["version"], t["draft"]) for t in listed["templates"]] == [("tier", None, 1)]
        assert "lapse" in listed["library"]
        assert (await client.put(f"{BASE}/tier", json={"document": TIER})).status_code == 422, "who wrote it is said"
        for written in ("li", " LI"):
            own = await client.post(f"{BASE}/tier/approval", json={"version": 1, "by": written})
            assert (own.status_code, own.json()["type"].rsplit("/")[-1]) == (409, "not_a_draft")
        refused = await client.post(f"{BASE}/tier/approval", json={"version": 1, "by": "zhou"})
        assert (refused.status_code, "the flow 'tier' is written by it: 'gift' is undefined" in refused.text) == (
            422,
            True,
        )
        # One that an earlier release took.
        now, stored = messaging.clock.now(), dict[str, Any](TIER)
        taken = TemplateChanged(version=2, valid_from=now, document=stored, author="li", approved_by="zhou")
        await messaging.feed(messaging.event(taken, "taken", now, customer=None))
        again = await client.post(f"{BASE}/tier/approval", json={"version": 2, "by": "wu"})
        assert again.status_code == 409
        wrong = {**TIER, "texts": {"en": {**TIER["texts"]["en"], "text": "Dear {{ nickname }}"}}}
        refused = await client.put(f"{BASE}/tier", json={"document": wrong, "author": "li"})
        assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "template_refused")
        shown = (await client.post(f"{BASE}/tier/preview", json={"customer": "c1", "values": {"gift": "tea"}})).json()
        assert (shown["language"], shown["parts"], shown["encoding"]) == ("en", 1, "gsm7"), "our ellipsis is in no text"
        assert "Tea waits for you." in shown["text"]
        assert (await client.get(f"{BASE}/nothing")).status_code == 404
        assert len((await client.get(f"{BASE}/tier")).json()["versions"]) == 2
        # The tier's flow gives no gift: nobody gets half a message.
        await messaging.decide()
        sender = messaging.sender(mailsink.port)
        await sender.step(connection)
        assert await messaging.rows("select reason from candidates") == [("text_incomplete",)]
        whole = {
            **TIER,
            "values": {},
            "texts": {"en": {k: v.replace("gift", "tier") for k, v in TIER["texts"]["en"].items()}},
        }
        whole["values"] = {"tier": "VIP"}
        draft = await client.put(f"{BASE}/tier", json={"document": whole, "author": "li"})
        assert draft.status_code == 200, draft.text
        await client.post(f"{BASE}/tier/approval", json={"version": draft.json()["version"], "by": "zhou"})
        await messaging.feed(*messaging.known("c2", language="en"), messaging.tier_up(1, customer="c2"))
        await messaging.decide()
        await sender.step(connection)
        mail = mailsink.store.read_text("utf-8")
        assert "multipart/alternative" in mail or "text/html" in mail
        effects = (await client.get(f"{BASE}/effects")).json()["templates"]
        assert [(e["kind"], e["template"], e["sent"], e["opted_out"]) for e in effects] == [("greeting", "tier", 1, 0)]
        text = await client.get("/v1/shops/s/messages?which=decided")
        (sent,) = [m for m in text.json()["messages"] if m["customer"] == "c2"]
        shown = (await client.get(f"/v1/shops/s/messages/{sent['message_id']}/text")).json()
        assert "Vip waits for you." in shown["text"]
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 1)
    kept = "select version, at, template, cast(document as text), author, approved_by from template_versions order by 1"
    assert await rebuilt.rows(kept) == await messaging.rows(kept)
