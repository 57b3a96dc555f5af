"""What the advisories say is written down with its date; what could not be asked is never called clean (SEC-002)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from regulars.docs import advisories
from regulars.docs.advisories import IF_REACHED, NotAsked, document, findings_of, triaged

AT = datetime(2026, 11, 29, 14, 30, tzinfo=UTC)
CLEAN = {"name": "orjson", "version": "3.13.0", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "3.1.5",
    "vulns": [{"id": "PYSEC-2025-1", "aliases": ["CVE-2025-27516"], "fix_versions": ["3.1.6"]}],
}


def said(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_each_advisory_is_listed_with_what_was_judged() -> None:
    """SEC-002."""
    asked, found = findings_of(said(CLEAN, BAD))
    page = document(asked, found, set(), AT)
    assert "on 2026-11-29 14:30 UTC" in page
    assert "| jinja2 | 3.1.5 | PYSEC-2025-1, CVE-2025-27516 | 3.1.6 | **no** |" in page
    judged = triaged("| CVE-2025-27516 | templates call nothing | accepted until 3.1.6 |")
    assert "| yes |" in document(asked, found, judged, AT)


def test_without_any_it_says_none() -> None:
    assert document(*findings_of(said(CLEAN)), set(), AT).endswith("\nNone.\n")


@pytest.mark.parametrize("answer", [said(CLEAN, {"name": "x", "skip_reason": "not found"}), said()])
def test_a_package_that_nobody_was_asked_about_is_not_clean(answer: str) -> None:
    with pytest.raises(NotAsked):
        findings_of(answer)


@pytest.mark.parametrize(("page", "code"), [("| CVE-2025-27516 | templates call nothing | accepted |", 0), ("", 1)])
def test_an_advisory_that_nobody_judged_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], page: str, code: int
) -> None:
    """SEC-002: in CI too; the answer is written with its date before."""
    monkeypatch.setattr(advisories, "ask", lambda root: findings_of(said(CLEAN, BAD)))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/security.md").write_text(page)
    assert advisories.main(tmp_path, [IF_REACHED]) == code
    assert ("judge PYSEC-2025-1" in capsys.readouterr().out) == bool(code)
    assert f"on {datetime.now(UTC):%Y-%m-%d}" in (tmp_path / "docs/audit.md").read_text()


def test_ci_asks_and_does_not_fail_where_nobody_can_be_asked() -> None:
    """SEC-002."""
    assert f"make audit ARGS={IF_REACHED}" in (advisories.ROOT / ".ci/run").read_text().splitlines()


@pytest.mark.parametrize(("given", "code"), [([], 1), ([IF_REACHED], 0)])
def test_where_nobody_can_be_asked_the_page_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: list[str], code: int
) -> None:
    """SEC-002: the command fails, unless it is to ask only where somebody can be."""
    monkeypatch.setattr(advisories, "_COMMAND", ("tool", "run", "--offline", "no-such-program-of-ours"))
    assert advisories.main(tmp_path, given) == code
    assert "could not be asked" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
