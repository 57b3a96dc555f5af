"""The console comes up with the stack, heals with it, and its first owner comes in by the link that `up` prints."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from html import unescape
from pathlib import Path

import httpx
import pytest

from regulars import operating
from regulars.stack.errors import StackError
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import running


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="regulars-console-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "run"
        operating.down(Path(name) / "run", purge=True)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_the_first_owner_comes_in_by_the_link_once_and_sees_the_services(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # On servers of its own: the names of databases and topics are fixed.
    plan = Plan(folder, SERVICES, console=True)
    state = await asyncio.to_thread(operating.up, plan, lambda _: None)
    assert "console" not in state.services, "verify, rebuild and the like are for services"
    before, link = [await asyncio.to_thread(operating.first_invitation, state) for _ in range(2)]
    assert before is not None
    assert link is not None
    async with httpx.AsyncClient(
        timeout=60, follow_redirects=True, headers={"sec-fetch-site": "same-origin"}
    ) as browser:
        assert (await browser.get(before)).status_code == 410, "a link that was printed later takes its place"
        token = re.findall(r'name="token" value="(\w+)"', (await browser.get(link)).text)[0]
        given = {"token": token, "name": "Ann", "password": "correct horse battery", "shop": "console-shop"}
        given["agreed"] = "yes"
        today = await browser.post(link, data=given)
        assert (today.status_code, today.url.path) == (200, "/s/console-shop/today")
        assert "This shop is not set up yet" in today.text
        health = await browser.get(f"{state.console['PUBLIC_URL']}/s/console-shop/health")
        assert re.findall(r'id="s-([\w-]+)"', health.text) == [service.name for service in SERVICES]
        assert "did not answer" not in unescape(health.text)
        assert await asyncio.to_thread(operating.first_invitation, state) is None, "there is somebody now"
        another = await asyncio.to_thread(operating.invitation, state, "console-shop", "agent")
        assert "You are invited as agent" in (await browser.get(another)).text
        with pytest.raises(StackError, match="no shop's id"):
            await asyncio.to_thread(operating.invitation, state, "a/b", "agent")
        new = await asyncio.to_thread(operating.recovery, state, "ann")
        assert "A new password" in (await browser.get(new)).text
        with pytest.raises(StackError, match="is not known"):
            await asyncio.to_thread(operating.recovery, state, "Bob")
        old = running(folder).processes["console"]
        os.kill(old.pid, signal.SIGKILL)
        async with asyncio.timeout(120):
            while True:
                found = running(folder).processes.get("console")
                try:
                    if found != old and (await browser.get(f"{state.console['PUBLIC_URL']}/health/ready")).is_success:
                        break
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.2)
        assert (await browser.get(today.url)).url.path == today.url.path, "the session outlives the process"
    capfd.readouterr()
    assert await asyncio.to_thread(operating.verify_console, folder, None) == 0, "its audit entries are a chain"
    known = capfd.readouterr().out.split()[-1]
    command = [sys.executable, "-m", "regulars.cli", "verify", "--folder", str(folder), "--known"]
    for more, code, said in (
        ([known], 0, "each as it was written"),
        ([f"1:{'0' * 64}"], 1, "entry 1 as it was written down is not there"),
        ([known, "--service", "feedback"], 1, "leave one out"),
    ):
        ran = await asyncio.to_thread(partial(subprocess.run, [*command, *more], capture_output=True, text=True))
        assert (ran.returncode, said in ran.stdout + ran.stderr) == (code, True), ran.stderr
    ended = await asyncio.to_thread(operating.down, folder)
    assert ended.killed == 0
