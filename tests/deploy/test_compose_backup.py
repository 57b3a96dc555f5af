"""The stack of docker-compose.yml is backed up by its service `tools` and restored into an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .containers import WHY_NOT_WHOLE, build_tools
from .shop import SHOP, Shop, until
from .walking import Walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(WHY_NOT_WHOLE), reason=WHY_NOT_WHOLE),
    pytest.mark.usefixtures("image"),
]
CHAIN = ("orders-ingest", "membership")
"""The services that the shop is asked about; of the others the databases are made and migrated."""


@pytest.fixture
def walks(tmp_path: Path) -> Iterator[list[Walk]]:
    """Two projects of one folder of secrets: what was lost, and what takes its place."""
    build_tools()
    secrets = tmp_path / "secrets"
    walks = [Walk.beside(tmp_path, secrets, tmp_path / f"env{number}") for number in (1, 2)]
    walks[1].volumes["backups"] = f"{walks[0].project}-backups"
    yield walks
    for walk in walks:
        walk.down()


def start(walk: Walk) -> None:
    walk.up(*CHAIN, *(name for name in walk.file["services"] if name.endswith("-migrate")))
    for name in walk.file["services"]:
        if name.endswith("-migrate"):
            walk.await_completed(name)


def test_a_backup_of_one_command_is_restored_by_one_command(walks: list[Walk]) -> None:
    lost, new = walks
    start(lost)
    shop = Shop(lost)
    shop.open()
    assert shop.order(1, "completed").status_code == 202
    until(lambda: points(shop) == 129, "the points were not credited")
    print(lost.run_once("tools", "backup", "/backups/monday"))
    shop.close()
    lost.down(keep=("backups",))

    new.up("postgres", "kafka")
    print(new.run_once("tools", "restore", "/backups/monday"))
    start(new)
    again = Shop(new)
    assert points(again) == 129
    assert again.order(1, "completed").json()["status"] == "duplicate"
    ann = again.call("orders-ingest", "GET", f"{SHOP}/customers/ann/personal?fields=email")
    assert ann.json()["fields"]["email"] == "ann@example.test", "the master key opens what was restored"
    assert again.order(2, "completed").status_code == 202
    until(lambda: points(again) == 258, "the restored stack does not go on")
    again.close()


def points(shop: Shop) -> int | None:
    answer = shop.call("membership", "GET", f"{SHOP}/members/ann")
    return answer.json()["available"] if answer.status_code == 200 else None
