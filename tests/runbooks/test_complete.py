"""Each alert has a runbook, and each runbook is walked: from the alert that fires to the alert that is quiet."""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML

from .pages import PAGE

OWN = Path(__file__)
FOLDER = OWN.parent
RULES = FOLDER.parents[1] / "deploy/prometheus/alerts.yml"


def alerts() -> list[str]:
    """In the order of the rules."""
    return [rule["alert"] for group in YAML(typ="safe").load(RULES)["groups"] for rule in group["rules"]]


def walked(source: str) -> set[str]:
    """The alerts that the tests of a file wait for, until each fires and until it is quiet again."""
    tests = re.split(r"^def test_", source, flags=re.M)[1:]
    found = set()
    for test in tests:
        fires, quiet = (set(re.findall(rf'until_it_{what}[(,]\s*"(\w+)"', test)) for what in ("fires", "is_quiet"))
        found |= fires & quiet
    return found


def test_every_alert_has_a_runbook_that_is_walked() -> None:
    sections = re.findall(r"^## (\w+)$", PAGE.read_text("utf-8"), re.M)
    assert sections == alerts()
    assert set().union(*(walked(file.read_text("utf-8")) for file in FOLDER.glob("test_*.py") if file != OWN)) == set(
        alerts()
    )


def test_an_alert_that_only_fires_is_not_walked() -> None:
    fires, quiet = 'stack.until_it_fires("A", "b")', 'stack.until_it_is_quiet("A", "b")'
    assert walked(f"def test_a():\n    {fires}\n    {quiet}\n") == {"A"}
    assert walked(f"def test_a():\n    {fires}\n\ndef test_b():\n    {quiet}\n") == set()
    assert walked(f"def test_a():\n    {fires}\n    {quiet.replace('A', 'B')}\n") == set()
