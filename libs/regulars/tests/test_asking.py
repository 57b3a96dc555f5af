"""Who attended an activity is asked for feedback, once, page by page (MEM-110)."""

from __future__ import annotations

from typing import Any

import pytest

from regulars.asking import ask_attendees
from regulars.stack.errors import Refused


class TwoServices:
    """An activity that five attended, and a form that was asked of one of them before."""

    def __init__(self, form: str | None = "visit") -> None:
        self.form = form
        self.known = {"c3"}
        self.forms: set[str] = set()

    async def get(self, service: str, path: str, **params: Any) -> dict[str, Any]:
        assert service == "membership"
        if path.endswith("/activities/tasting"):
            return {"activity": {"feedback_form": self.form}}
        assert (path, params["status"]) == ("/v1/shops/tea/activities/tasting/entries", "attended")
        found = [f"c{n}" for n in range(5) if f"c{n}" > params["after"]]
        page = found[: params["limit"]]
        return {"items": [{"customer": name} for name in page], "after": page[-1] if len(found) > len(page) else None}

    async def call(self, service: str, method: str, path: str, json: Any) -> dict[str, Any]:
        assert (service, method, path) == ("feedback", "POST", "/v1/shops/tea/surveys")
        assert json["request_id"] == "activity-tasting"
        self.forms.add(json["form_id"])
        new = [name for name in json["customers"] if name not in self.known]
        self.known |= set(new)
        return {"items": [{"outcome": "asked" if name in new else "duplicate"} for name in json["customers"]]}


async def test_everybody_who_attended_is_asked_once() -> None:
    services: Any = TwoServices()
    assert await ask_attendees(services, "tea", "tasting", page=2) == {"asked": 4, "duplicate": 1}
    assert await ask_attendees(services, "tea", "tasting", page=2) == {"duplicate": 5}
    assert services.forms == {"visit"}


async def test_an_activity_without_a_form_needs_one() -> None:
    services: Any = TwoServices(form=None)
    with pytest.raises(Refused, match="--form"):
        await ask_attendees(services, "tea", "tasting")
    assert await ask_attendees(services, "tea", "tasting", "other") == {"asked": 4, "duplicate": 1}
    assert services.forms == {"other"}
