"""Which column of a file says what, as a form has it and as orders-ingest takes it."""

from __future__ import annotations

from collections.abc import Mapping

NONE = "-"
"""Written for a field that no column of the file says."""


def columns_in(form: Mapping[str, str]) -> str:
    """The columns that stand in the form, as orders-ingest takes them: `field:Heading;…`; empty where none does.

    A heading that holds the signs between two of them cannot be said so, and is left to what was found.
    """
    written = {
        name.removeprefix("column."): value.strip()
        for name, value in form.items()
        if name.startswith("column.") and value.strip()
    }
    return ";".join(f"{name}:{heading}" for name, heading in written.items() if not set(":;") & set(name + heading))
