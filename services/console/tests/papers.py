"""Paperwork as a person writes it, for tests of all that is kept on paper."""

from __future__ import annotations

from typing import Any

from .conftest import Browser


async def paper(browser: Browser, kind: str, **fields: Any) -> str:
    """Write a record by its form; amounts need the shop's currency, which no service says here."""
    await browser.get(f"/s/tea/paper-form/{kind}")
    return await browser.post(f"/s/tea/paperwork/{kind}", version="0", **fields)
