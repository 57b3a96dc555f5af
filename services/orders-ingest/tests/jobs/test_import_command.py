"""The operator's command `regulars import`: sends a file, follows it, brings the refused lines and their mending."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from regulars.client import Services
from regulars.importing import report_lines, send
from regulars.stack.errors import Refused

PARAMS: dict[str, str | None] = {"layout": "cdnow_master", "currency": "USD", "zone": None, "encoding": "utf-8"}


async def test_a_file_is_sent_followed_and_its_refused_lines_mended(
    importing: Any, api: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ORD-038: progress in the terminal; the same again adds nothing."""
    monkeypatch.setattr("regulars.importing.LOOKS_EVERY_S", 0.01)
    file, refused, said = tmp_path / "cdnow.csv", tmp_path / "refused.csv", list[str]()
    file.write_text(importing.cdnow)

    async def run(source: Path, mended: str | None = None) -> dict[str, Any]:
        services = Services.of({"orders-ingest": api})
        sent = asyncio.create_task(send(services, "demo", source, PARAMS, mended, refused, said.append))
        while not sent.done():
            await importing.run()
            await asyncio.sleep(0.01)
        return await sent

    report = await run(file)
    assert (report["state"], report["accepted"], report["refused_by"]) == ("done", 5, {"invalid_row": 2})
    assert said[-1] == "cdnow_master-1: 5 of 5 events taken"
    lines = report_lines(report, refused)
    assert lines[0] == "cdnow_master-1: done"
    assert "--mended cdnow_master-1" in lines[-1]
    text = refused.read_text("utf-8-sig")
    assert "1997-13-02" in text
    refused.write_text(text.replace("1997-13-02", "1997-12-02"))
    mended = await run(refused, "cdnow_master-1")
    assert (mended["accepted"], mended["refused_by"]) == (1, {"invalid_row": 1})
    again = await run(file)
    assert (again["accepted"], again["duplicates"]) == (0, 5)
    with pytest.raises(Refused, match="There is no import") as unknown:
        await run(file, "other-1")
    assert unknown.value.slug == "unknown_import"
