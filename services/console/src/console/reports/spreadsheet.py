"""A report as CSV: every section under its heads, numbers as a spreadsheet reads them; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from console.reports.sections import Section
from console.web.formats import cell


def as_csv(title: str, sections: Iterable[Section]) -> bytes:
    """UTF-8 with a mark at its beginning, by which spreadsheets know Chinese for what it is."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow([cell(title)])
    for section in sections:
        rows.writerow([])
        rows.writerow([cell(section.title)])
        rows.writerow([cell(head) for head in section.heads])
        for row in section.rows:
            rows.writerow([c.raw if n in section.numbers else cell(c.raw) for n, c in enumerate(row)])
    return out.getvalue().encode("utf-8-sig")
