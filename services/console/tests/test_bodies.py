"""Large bodies are files, and come where files are taken; pure."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from console.web.bodies import MAX_FORM, Bodies


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/s/tea/imports", 200),
        ("/s/tea/imports/preview", 200),
        ("/s/tea/imports/job-1/mended", 200),
        ("/s/tea/imports/job-1/to-mend", 413),
        ("/s/tea/offers", 413),
    ],
)
async def test_a_file_is_taken_where_files_belong_and_no_form_is_as_large(path: str, status: int) -> None:
    """SEC: a look at a file before it is imported takes the whole file, too."""
    app = Bodies(PlainTextResponse("taken"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://console.test") as client:
        assert (await client.post(path, content=b"x" * (MAX_FORM + 1))).status_code == status
