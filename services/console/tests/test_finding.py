"""Finding a customer by id: the page of who is known, and of who was erased the erasure alone (SEC-006)."""

from __future__ import annotations

from typing import Any

from .answering import Answering
from .conftest import Site

REPORT: dict[str, Any] = {
    "customer": "gone", "people": ["gone"], "asked_at": "2026-03-05T12:00:00Z", "because": "asked",
    "completed_at": "2026-03-05T12:01:00Z", "removed": {}, "confirmed": [], "waiting_for": [],
}  # fmt: skip


async def test_who_was_erased_is_found_by_the_id_as_erased(site: Site) -> None:
    site.console.services = Answering(
        {"/customers/gone/erasure": REPORT, "/customers/find": {"customers": [], "next_after": None}}
    )
    owner, viewer = await site.signed_in("owner"), await site.signed_in("viewer")
    await owner.get("/s/tea/customers")
    assert "Erasure of gone" in await owner.post("/s/tea/customers", wanted="gone")
    await owner.get("/s/tea/customers")
    await owner.post("/s/tea/customers", wanted="nobody")
    assert owner.status == 404
    await viewer.get("/s/tea/customers")
    await viewer.post("/s/tea/customers", wanted="gone")
    assert viewer.status == 404
