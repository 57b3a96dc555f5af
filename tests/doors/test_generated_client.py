"""A client that is generated from the document makes real calls, and reads answers and problems as types."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

SHOP = "teahouse"


@pytest.fixture
def generated(apps: dict[str, FastAPI], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package that was generated from membership's document."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(apps["membership"].openapi()))
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none",
        "--output-path", str(tmp_path / "generated_membership"), "--fail-on-warning",
    ]  # fmt: skip
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    done = subprocess.run([*command, "--config", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "generated_membership"
    for name in [n for n in sys.modules if n.startswith("generated_membership")]:
        del sys.modules[name]


@pytest.mark.slow
async def test_success_and_refusals_are_read_as_types(apps: dict[str, FastAPI], key: str, generated: str) -> None:
    def load(name: str) -> Any:
        return importlib.import_module(f"{generated}.{name}")

    models = load("models")
    client = load("client").AuthenticatedClient(base_url="http://here", token=key)
    client.set_async_httpx_client(
        httpx.AsyncClient(
            transport=httpx.ASGITransport(apps["membership"]), base_url="http://here",
            headers={"authorization": f"Bearer {key}"},
        )
    )  # fmt: skip
    members = {path.stem: load(f"api.members.{path.stem}") for path in _modules(load("api"), "members")}
    register = members["register"]
    get = members["get_member"]

    made = await register.asyncio(SHOP, client=client, body=models.RegistrationIn(customer="ann"))
    assert type(made).__name__ == "RegistrationOut"
    found = await get.asyncio(SHOP, "ann", client=client)
    assert (type(found).__name__, found.customer) == ("MemberOut", "ann")
    nobody = await get.asyncio(SHOP, "bob", client=client)
    assert (type(nobody), nobody.status, nobody.type_) == (models.Problem, 404, "/problems/unknown_member")
    unfit = await register.asyncio(SHOP, client=client, body=models.RegistrationIn(customer="a b"))
    assert (type(unfit), unfit.status) == (models.Problem, 422)
    assert unfit.additional_properties["errors"][0]["pointer"] == "/customer"


def _modules(package: Any, tag: str) -> list[Path]:
    return sorted((Path(package.__file__).parent / tag).glob("*.py"))
