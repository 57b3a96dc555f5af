"""What docs/runbooks.md prints: its sections, and the queries in them, so that a walk does just what the page says."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/runbooks.md"


def section(title: str) -> str:
    """The text under a heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
    assert found is not None, f"there is no section {title}"
    return found[1]


def query(title: str) -> str:
    """The one query of a section."""
    (found,) = [each for each in re.findall(r"`(select [^`]+)`", section(title)) if "…" not in each]
    return str(found)


def printed(title: str, command: str) -> None:
    """Fail where the section does not print the command that a walk is about to run."""
    assert f"`{command}`" in section(title), f"{title} does not say {command}"
