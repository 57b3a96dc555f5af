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


def test_every_threat_names_tests_that_are_there_and_none_of_owasps_ten_is_missing() -> None:
    """The page about security: a row without a test, or with one that was renamed, claims what nothing shows."""
    page = (ROOT / "docs/security.md").read_text()
    rows = [line for line in page.split("## Threats")[1].split("\n## ")[0].splitlines() if line.startswith("| ")][1:]
    names = {path.name for folder in ("libs", "services", "tests") for path in (ROOT / folder).rglob("test_*.py")}
    assert len(rows) > 15
    for row in rows:
        shown_by = row.rstrip("| ").rpartition(" | ")[2]
        named = [name for name in re.findall(r"`([\w./-]+)`", shown_by) if "test" in name]
        assert named or shown_by == "below", row
        assert [name for name in named if not (ROOT / name).exists() and name not in names] == [], row
    assert {f"API{number}" for number in range(1, 11)} <= set(re.findall(r"API\d+", "".join(rows)))
