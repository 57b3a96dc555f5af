"""Ids in the addresses of links and forms: one segment each, whatever they hold."""

from __future__ import annotations

import re

from .test_texts import TEMPLATES


def test_no_template_puts_an_id_into_a_path_but_by_part() -> None:
    """`urlencode` is for queries: it leaves a slash as it is, and `..`."""
    found = [(file.name, each) for file in TEMPLATES for each in re.findall(r"~[^{}~?]*\|urlencode", file.read_text())]
    assert found == []
