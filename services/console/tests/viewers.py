"""A page's viewer without a page: for commands that take one."""

from __future__ import annotations

from starlette.requests import Request

from console.access import store as people
from console.web.page import Viewer

from .conftest import Browser, Site


async def viewer_of(site: Site, browser: Browser) -> Viewer:
    """Who is signed in with the browser, in the shop `tea`."""
    assert browser.session is not None
    async with site.console.database.transaction() as tx:
        person = await people.get_person(tx, browser.session)
    request = Request({"type": "http", "app": site.app, "headers": [], "method": "POST", "path": "/"})
    return Viewer(site.console, request, browser.session, "en", "auto", person, "tea")
