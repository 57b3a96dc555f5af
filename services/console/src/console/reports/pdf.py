"""A report as PDF, by a process of its own that reads JSON and ends: `python -m console.reports.pdf` (decision 0066).

It reads {title, lead, sections: [{title, heads, rows, numbers, note}]} from standard input. Whatever people wrote is
drawn: columns share the width of the page, a word that is longer than its column is broken, a row that is higher than a
page goes on on the next.
"""

from __future__ import annotations

import asyncio
import html
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

WITHIN_S = 30.0
MOST_BYTES = 5_000_000
LATIN_FONT, CHINESE_FONT = "Helvetica", "STSong-Light"
_PLAIN = {0x00A0: " ", 0x2212: "-"}
"""Signs that these fonts draw too wide, or not at all."""
_SIZES = {"title": 17, "head": 12, "text": 9.5, "note": 8, "cell": 8.5, "number": 8.5}
_PADDING = 6.0
"""Points on each side of a cell, and of the page's frame."""
_one_at_a_time = asyncio.Semaphore(1)


class NoPdf(Exception):
    """The process ended without one; `text` says how."""


async def as_pdf(content: dict[str, Any]) -> bytes:
    """The file. Raises NoPdf. One at a time: what draws takes 30 MB while it runs, and the console keeps none of it."""
    async with _one_at_a_time:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-m", "console.reports.pdf"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={},  # it needs no settings, and shall know no secret
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                file, said = await process.communicate(json.dumps(content).encode())
        except TimeoutError:
            raise NoPdf(f"not drawn within {WITHIN_S:g} s") from None
        finally:
            if process.returncode is None:  # out of time, or nobody waits for it any more
                process.kill()
                await process.wait()
    if process.returncode or not file.startswith(b"%PDF"):
        raise NoPdf(said.decode(errors="replace")[-500:])
    return file


def draw(content: dict[str, Any]) -> bytes:
    """A4, tables with their heads repeated on each page; Chinese by a font that every reader of PDF brings along."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import CondPageBreak, SimpleDocTemplate, Spacer

    margins = {name: 18 * mm for name in ("leftMargin", "rightMargin", "topMargin", "bottomMargin")}
    out = io.BytesIO()
    page = SimpleDocTemplate(out, pagesize=A4, title=_drawable(content["title"]), author="Regulars", **margins)
    write = _writing()
    story: list[Any] = [write(content["title"], "title"), *(write(line, "text") for line in content["lead"])]
    for section in content["sections"]:
        story += [CondPageBreak(35 * mm), Spacer(1, 5 * mm), write(section["title"], "head")]
        if section["rows"]:
            story.append(_table(section, write, page.width - 2 * _PADDING))
        if section["note"]:
            story.append(write(section["note"], "note"))
    page.build(story, onFirstPage=_number, onLaterPages=_number)
    return out.getvalue()


def _writing() -> Callable[[str, str], Any]:
    """Makes a paragraph of a text in one of the styles; what people wrote is no markup."""
    from reportlab.lib.enums import TA_LEFT, TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph

    pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))

    def write(text: str, style: str) -> Any:
        plain = _drawable(text)
        font, size = _font(plain), _SIZES[style]
        made = ParagraphStyle(
            style,
            fontName=font,
            fontSize=size,
            leading=size * 1.4,
            # By the text, not by the reader's language: Chinese has no spaces to break a line at.
            wordWrap=None if font == LATIN_FONT else "CJK",
            spaceAfter=size * 0.3,
            alignment=TA_RIGHT if style == "number" else TA_LEFT,
        )
        return Paragraph(html.escape(plain, quote=False), made)

    return write


def _drawable(text: str) -> str:
    """The text without signs that no font here draws, and without halves of pairs, which no file can hold."""
    return text.translate(_PLAIN).encode("utf-8", "replace").decode()


def _font(plain: str) -> str:
    """Names may be Chinese in an English report too."""
    return LATIN_FONT if plain.encode("cp1252", "replace").decode("cp1252") == plain else CHINESE_FONT


def _table(section: dict[str, Any], write: Callable[[str, str], Any], width: float) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Table, TableStyle

    numbers = set(section["numbers"])
    rows = [section["heads"], *section["rows"]]
    data = [[write(text, "number" if n in numbers else "cell") for n, text in enumerate(row)] for row in rows]
    look = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eceff3")),
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.HexColor("#737c8c")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), _PADDING),
            ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING),
        ]
    )
    widths = shared([_wanted(column) for column in zip(*rows, strict=True)], width)
    return Table(data, widths, repeatRows=1, splitInRow=1, style=look, hAlign="LEFT")


def _wanted(column: Sequence[str]) -> float:
    """The width at which no text of the column is broken, in points."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    plain = [_drawable(text) for text in column]
    return max(float(stringWidth(text, _font(text), _SIZES["cell"])) for text in plain) + 2 * _PADDING + 1


def shared(wanted: Sequence[float], width: float) -> list[float]:
    """`width` shared out: a column gets what it wants, or, where that is more than its part of the rest, that part."""
    given = [0.0] * len(wanted)
    left = width
    for done, n in enumerate(sorted(range(len(wanted)), key=lambda n: wanted[n])):
        given[n] = min(wanted[n], left / (len(wanted) - done))
        left -= given[n]
    return given


def _number(canvas: Any, document: Any) -> None:
    canvas.setFont(LATIN_FONT, 8)
    canvas.drawRightString(document.pagesize[0] - 40, 25, str(document.page))


if __name__ == "__main__":
    sys.stdout.buffer.write(draw(json.loads(sys.stdin.buffer.read(MOST_BYTES))))
