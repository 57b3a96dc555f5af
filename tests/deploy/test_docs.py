"""What the pages say is there: scopes that routes ask for, and files that links lead to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

import feedback.main
import membership.main
import messaging.main
import orders_ingest.main
import segmentation.main
from common.http import ops
from common.http.api import scopes_of
from common.http.scopes import SCOPES
from common.process.runtime import Service

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "deploy/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SERVICES = [each.main.SERVICE for each in (orders_ingest, membership, segmentation, messaging, feedback)]
_LINK = re.compile(r"\]\(([^)#\s]+)")


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_scope_that_a_route_asks_for_is_listed(service: Service) -> None:
    app = FastAPI()
    for router in (ops.router, *service.routers):
        app.include_router(router)
    asked = scopes_of(app)
    assert len(asked) > 1
    assert asked <= SCOPES.keys()


def test_the_operators_page_lists_every_scope_with_what_it_allows() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    assert [scope for scope, allows in SCOPES.items() if f"| `{scope}` | {allows} |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text()) if not link.startswith(("http:", "https:", "mailto:"))]
    assert [link for link in links if not (page.parent / link).exists()] == []
