"""Clients generated from the documents make real calls, and read answers and problems as types."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

SHOP = "teahouse"
ORDER = {
    "customer": "ann",
    "state": "paid",
    "time": "2025-03-04T01:00:00Z",
    "currency": "USD",
    "goods_paid": 100,
}
CALLS: dict[str, tuple[str, str, str, str, int, str]] = {
    "membership": ("programme.get_programme", "ProgrammeOut", "members.get_member", "bob", 404, "unknown_member"),
    "segmentation": (
        "thresholds.get_thresholds",
        "ThresholdsOut",
        "segmentation.get_customer",
        "bob",
        404,
        "unknown_customer",
    ),
    "messaging": ("decisions.get_report", "ReportOut", "decisions.get_message", "m", 404, "unknown_message"),
    "feedback": ("policy.get_policy", "PolicyOut", "reviews.list_reviews", "", 422, "invalid_request"),
    "orders-ingest": ("orders.get_report", "ReportOut", "orders.get_order", "o", 404, "unknown_order"),
}
"""Of each service: a call that succeeds and the type of its answer, one that is refused, of what, and how."""


PHOTOS = ("image/jpeg", "image/png", "image/webp")


def package(service: str) -> str:
    return f"generated_{service.replace('-', '_')}"


async def generate(app: FastAPI, name: str, folder: Path) -> None:
    # Each has its own file of settings: several run at once, and one must not read what another is writing.
    document, config = folder / f"{name}.json", folder / f"{name}.yml"
    document.write_text(json.dumps(app.openapi()))
    overrides = {"image/svg+xml": "text/html"} | dict.fromkeys(PHOTOS, "application/octet-stream")
    config.write_text(f"post_hooks: []\ncontent_type_overrides: {json.dumps(overrides)}\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        str(document),
        "--meta",
        "none",
        "--output-path",
        str(folder / name),
        "--fail-on-warning",
        "--config",
        str(config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


class Generated:
    """A service's generated client, which calls the running app."""

    def __init__(self, service: str, app: FastAPI, key: str) -> None:
        self._name = package(service)
        self.models = self.load("models")
        self.client = self.load("client").AuthenticatedClient(base_url="http://here", token=key)
        headers = {"authorization": f"Bearer {key}"}
        self.client.set_async_httpx_client(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here", headers=headers)
        )

    def load(self, name: str) -> Any:
        return importlib.import_module(f"{self._name}.{name}")

    async def call(self, operation: str, *path: str, **more: Any) -> Any:
        """An operation by its tag and name; the answer as the client reads it."""
        return await self.load(f"api.{operation}").asyncio(SHOP, *path, client=self.client, **more)


@pytest_asyncio.fixture
async def generated(
    apps: dict[str, FastAPI], key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, Generated]]:
    """The clients of all services, each generated once."""
    work = (generate(app, package(service), tmp_path) for service, app in apps.items())
    # All have ended, so that no process outlives the test where one of them fails.
    for error in await asyncio.gather(*work, return_exceptions=True):
        if error is not None:
            raise error
    monkeypatch.syspath_prepend(str(tmp_path))
    yield {service: Generated(service, app, key) for service, app in apps.items()}
    for name in [n for n in sys.modules if n.startswith("generated_")]:
        del sys.modules[name]


@pytest.mark.slow
async def test_success_and_refusals_are_read_as_types(generated: dict[str, Generated]) -> None:
    assert generated.keys() == CALLS.keys()
    for service, (good, answer, bad, of, status, slug) in CALLS.items():
        client = generated[service]
        assert type(await client.call(good)).__name__ == answer, service
        more = {} if of else {"limit": 0}
        refused = await client.call(bad, *filter(None, [of]), **more)
        assert (type(refused), refused.status, refused.type_) == (client.models.Problem, status, f"/problems/{slug}")

    members = generated["membership"]
    made = await members.call("members.register", body=members.models.RegistrationIn(customer="ann"))
    assert type(made).__name__ == "RegistrationOut"
    found = await members.call("members.get_member", "ann")
    assert (type(found).__name__, found.customer) == ("MemberOut", "ann")
    unfit = await members.call("members.register", body=members.models.RegistrationIn(customer="a b"))
    assert (type(unfit), unfit.status) == (members.models.Problem, 422)
    assert unfit.additional_properties["errors"][0]["pointer"] == "/customer"

    orders = generated["orders-ingest"]
    answer = await orders.call("orders.put_order", "o-1", body=orders.models.OrderIn.from_dict(ORDER))
    assert [type(answer).__name__, [r.status for r in answer.results]] == ["ResultsOut", ["accepted"]]
    order = await orders.call("orders.get_order", "o-1")
    assert (type(order).__name__, order.customer, order.goods_paid) == ("OrderOut", "ann", 100)

    reviews = generated["feedback"]
    stars = {"review_id": "r-1", "customer": "ann", "stars": 5, "dsr_goods": 4}
    taken = await reviews.call("reviews.submit_review", body=reviews.models.ReviewIn.from_dict(stars))
    assert (type(taken).__name__, taken.review_id, taken.status.value) == ("ReviewTaken", "r-1", "accepted")
    event = {
        "id": "e-2", "source": f"/shops/{SHOP}/web", "type": "review.submitted", "time": "2025-03-04T01:00:00Z",
        "shop": SHOP, "subject": "ann", "specversion": "1.0", "data": {"review_id": "r-2", "stars": 4},
    }  # fmt: skip
    [envelope] = [name for name in dir(reviews.models) if name.endswith("ReviewEvent")]
    body = getattr(reviews.models, envelope).from_dict(event)
    taken = await reviews.call("reviews.submit_review_event", body=body)
    assert (type(taken).__name__, taken.review_id) == ("ReviewTaken", "r-2")
    page = await reviews.call("reviews.list_reviews")
    assert [(item.review_id, item.stars, item.dsr_goods) for item in page.items] == [("r-1", 5, 4), ("r-2", 4, None)]
