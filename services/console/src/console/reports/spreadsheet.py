"""A report as CSV: every section under its heads, numbers as a spreadsheet reads them; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from console.reports.sections import Section
from console.web.formats import cell


def as_csv(title: str, sections: Iterable[Section], unit: str) -> bytes:
    """UTF-8 with a mark at its beginning, by which spreadsheets know Chinese for what it is.

    A column's unit stands in its head; where its rows have several, in a column of their own after it, called `unit`.
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow([cell(title)])
    for section in sections:
        units = [sorted({row[n].unit for row in section.rows if row[n].raw}) for n in range(len(section.heads))]
        rows.writerow([])
        rows.writerow([cell(section.title)])
        heads = zip(section.heads, units, strict=True)
        rows.writerow(one for head, found in heads for one in _head(cell(head), found, cell(unit)))
        for row in section.rows:
            written = [c.raw if n in section.numbers else cell(c.raw) for n, c in enumerate(row)]
            columns = zip(written, row, units, strict=True)
            rows.writerow(one for raw, c, found in columns for one in ([raw, c.unit] if len(found) > 1 else [raw]))
    return out.getvalue().encode("utf-8-sig")


def _head(head: str, units: list[str], unit: str) -> list[str]:
    if len(units) > 1:
        return [head, unit]
    return [f"{head} ({units[0]})" if units and units[0] else head]
