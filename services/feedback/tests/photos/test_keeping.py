"""Where photos are kept: on disk, and in an S3 store whose requests are signed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from feedback.photos.keeping.disk import DiskKeeper
from feedback.photos.keeping.protocol import Keeper
from feedback.photos.keeping.s3.client import S3Keeper
from feedback.photos.keeping.s3.signing import Credentials, sign
from feedback.photos.keeping.settings import PhotoSettings
from feedback.photos.rules import PhotoStoreAway

EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
MAY = datetime(2013, 5, 24, tzinfo=UTC)


def test_signatures_are_those_of_the_published_examples() -> None:
    """Amazon S3 API reference, "Signature calculations for the authorization header": GET and PUT of an object."""
    got = sign(EXAMPLE, "GET", "examplebucket.s3.amazonaws.com", "/test.txt", b"", MAY, {"Range": "bytes=0-9"})
    assert got["authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    more = {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    body = b"Welcome to Amazon S3."
    put = sign(EXAMPLE, "PUT", "examplebucket.s3.amazonaws.com", "/test$file.text", body, MAY, more)
    assert put["authorization"].endswith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


class Bucket(httpx.AsyncBaseTransport):
    """An S3 store in memory, which takes only what is signed by the example's secret for what came over the wire."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("away")
        body, path = await request.aread(), request.url.path
        expected = sign(EXAMPLE, request.method, request.headers["host"], path, body, MAY)
        if request.headers["authorization"] != expected["authorization"]:
            return httpx.Response(403)
        if not path.startswith("/regulars/"):
            return httpx.Response(404, content=b"<Error><Code>NoSuchBucket</Code></Error>")
        if request.method == "PUT":
            self.objects[path] = body
        elif request.method == "DELETE":
            self.objects.pop(path, None)
            return httpx.Response(204)
        return httpx.Response(200, content=self.objects[path]) if path in self.objects else httpx.Response(404)


async def keeps_and_removes(keeper: Keeper) -> None:
    assert await keeper.get("s/00ff") is None
    await keeper.put("s/00ff", b"one")
    await keeper.put("s/00ff", b"one")
    assert await keeper.get("s/00ff") == b"one"
    await keeper.remove("s/00ff")
    await keeper.remove("s/00ff")
    assert await keeper.get("s/00ff") is None


async def test_disk_and_s3_keep_the_same_way(tmp_path: Path) -> None:
    bucket = Bucket()
    await keeps_and_removes(DiskKeeper(tmp_path / "photos"))
    await keeps_and_removes(S3Keeper("https://s3.test:9000", "regulars", EXAMPLE, bucket, lambda: MAY))
    assert (list(tmp_path.rglob("*.*")), bucket.objects) == ([], {})


async def test_a_store_that_is_away_or_refuses_is_said_to_be_away(tmp_path: Path) -> None:
    bucket = Bucket()
    bucket.away = True
    (tmp_path / "s").write_text("a file where the folder should be")
    wrong = S3Keeper("https://s3.test", "regulars", EXAMPLE._replace(secret_key="other"), Bucket(), lambda: MAY)
    for keeper in (S3Keeper("https://s3.test", "r", EXAMPLE, bucket, lambda: MAY), wrong, DiskKeeper(tmp_path)):
        with pytest.raises(PhotoStoreAway):
            await keeper.put("s/00", b"one")


async def test_a_bucket_that_there_is_not_has_neither_lost_nor_removed_a_photo() -> None:
    """Seen at a server of S3: 404 is of the object or of the bucket, and an erasure must not take one for the other."""
    keeper = S3Keeper("https://s3.test", "misspelt", EXAMPLE, Bucket(), lambda: MAY)
    for ask in (keeper.put("s/00", b"one"), keeper.get("s/00"), keeper.remove("s/00")):
        with pytest.raises(PhotoStoreAway):
            await ask


def test_settings_say_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert PhotoSettings().opened() is None, "no folder, no photo"
    monkeypatch.setenv("PHOTO_DIR", str(tmp_path))
    assert isinstance(PhotoSettings().opened(), DiskKeeper)
    monkeypatch.setenv("PHOTO_STORE", "s3")
    with pytest.raises(ValueError, match="PHOTO_S3_BUCKET"):
        PhotoSettings()
    for name in ("BUCKET", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"PHOTO_S3_{name}", "regulars")
    assert isinstance(PhotoSettings().opened(), S3Keeper)
