"""What a partner is given is written whole or not at all (SEC-007)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from regulars.client import Services
from regulars.privacy.sharing import download_share, share_line
from regulars.stack.errors import Refused

ROW = {"share_id": "spring", "partner": "pots", "purpose": "spring", "fields": ["orders", "city"]}
FILES = [{"rows": 12, "customers": 12, "withheld": 2}]


async def broken_off() -> AsyncIterator[bytes]:
    yield b"customer,orders\n"
    raise httpx.RemoteProtocolError("peer closed connection")


def services(content: bytes | None, gone: bytes | None = b"customer,because\n") -> Services:
    """Orders-ingest, whose files have these contents; None: it breaks off."""

    async def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/file"):
            return httpx.Response(200, content=broken_off() if content is None else content)
        if path.endswith("/gone"):
            return httpx.Response(200, content=broken_off() if gone is None else gone)
        second = request.url.params["after"] == "autumn"
        items = [{**ROW, "files": FILES}] if second else [{**ROW, "share_id": "autumn", "files": []}]
        return httpx.Response(200, json={"items": items, "after": None if second else "autumn"})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://orders-ingest.test")
    return Services.of({"orders-ingest": client})


async def test_a_file_and_what_the_register_says_of_it(tmp_path: Path) -> None:
    async with services(b"customer,orders\n") as asked:
        row = await download_share(asked, "demo", "pots", "spring", tmp_path / "a.csv", tmp_path / "gone.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"customer,orders\n"
    assert (tmp_path / "gone.csv").read_bytes() == b"customer,because\n"
    assert share_line(row, Path("a.csv")) == (
        "12 rows of 12 customers in a.csv, the description of 2 withheld. For pots: spring. Fields: orders, city"
    )


async def test_of_a_file_that_broke_off_nothing_is_left(tmp_path: Path) -> None:
    """Half of one would pass for the whole; a file from before stays as it was."""
    (tmp_path / "a.csv").write_text("of yesterday")
    async with services(None) as asked:
        with pytest.raises(Refused, match="broke off"):
            await download_share(asked, "demo", "pots", "spring", tmp_path / "a.csv", None)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.csv", "of yesterday")]
    async with services(b"customer,orders\n", gone=None) as asked:
        with pytest.raises(Refused, match=r"gone\.csv broke off"):
            await download_share(asked, "demo", "pots", "spring", tmp_path / "a.csv", tmp_path / "gone.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"], "nor of those whom the partner must delete"


async def test_files_that_cannot_be_written_are_refused_before_anything_is_given(tmp_path: Path) -> None:
    async with services(b"customer,orders\n") as asked:
        with pytest.raises(Refused, match="both files would be"):
            await download_share(asked, "demo", "pots", "spring", tmp_path / "a.csv", tmp_path / "." / "a.csv")
        with pytest.raises(Refused, match="there is no folder"):
            await download_share(asked, "demo", "pots", "spring", tmp_path / "a.csv", tmp_path / "no" / "gone.csv")
    assert list(tmp_path.iterdir()) == []
