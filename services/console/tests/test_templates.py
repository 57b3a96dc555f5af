"""Templates: what each of them may ask for."""

from __future__ import annotations

import re
from pathlib import Path

import console
from console.web.page import _templates


def test_every_page_writes_ids_into_paths_and_no_macro_hides_what_it_does_so_with() -> None:
    environment = _templates()
    assert environment.from_string("{{ part('a b') }}").render() == "a%20b"
    for path in sorted(Path(console.__file__).parent.rglob("*.html")):
        macros = set(re.findall(r"macro (\w+)\(", path.read_text()))
        assert not macros & environment.globals.keys(), path
