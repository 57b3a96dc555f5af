"""What a photo must be, and its fingerprint: pure (FBK-040, SEC-013)."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from feedback.photos.prints import NEAR, bands, distance, probes
from feedback.photos.rules import NoPhoto, examine

PRINTS = st.integers(0, 2**64 - 1)


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A made-up picture: a ground with light from one side, and things on it."""
    drawn = random.Random(seed)
    image = Image.linear_gradient("L").resize(size).rotate(drawn.randrange(360)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = drawn.randrange(size[0]), drawn.randrange(size[1])
        width, height = drawn.randrange(30, 300), drawn.randrange(30, 300)
        colour = (drawn.randrange(256), drawn.randrange(256), drawn.randrange(256))
        draw.ellipse((x, y, x + width, y + height), fill=colour)
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def fingerprint(body: bytes) -> int:
    found = examine(body).fingerprint
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_type_and_size_are_told_by_the_bytes(kind: str) -> None:
    picture = examine(encoded(scene(1), kind))
    assert (picture.content_type, picture.width, picture.height) == (f"image/{kind.lower()}", 640, 480)


def test_a_near_copy_has_almost_the_same_fingerprint_and_another_photo_another() -> None:
    """SEC-013: compressed again, smaller, brighter, cut at the edges, of another type, by ten photos."""
    prints = []
    for seed in range(10):
        image = scene(seed)
        first = fingerprint(encoded(image, quality=92))
        copies = {
            "compressed": encoded(image, quality=40),
            "small": encoded(image.resize((320, 240))),
            "png": encoded(image, "PNG"),
            "webp": encoded(image, "WEBP", quality=60),
            "cut": encoded(image.crop((4, 3, 636, 477))),
            "brighter": encoded(image.point(lambda value: min(255, value + 12))),
        }
        for name, copy in copies.items():
            assert distance(first, fingerprint(copy)) <= NEAR, (seed, name)
        prints.append(first)
    others = [distance(one, other) for n, one in enumerate(prints) for other in prints[:n]]
    assert min(others) > NEAR


def test_a_photo_that_somebody_turned_or_mirrored_is_the_same_and_another_is_not() -> None:
    """SEC-013: by ten photos, each in its seven other ways to lie, compressed again and smaller."""
    ways = [way for way in Image.Transpose]
    pictures = [examine(encoded(scene(seed), quality=92)) for seed in range(10)]
    for seed, picture in enumerate(pictures):
        for way in ways:
            other = examine(encoded(scene(seed).transpose(way).resize((300, 300)), quality=60))
            assert other.fingerprint is not None
            near = min(distance(turn, picture.fingerprint or 0) for turn in (other.fingerprint, *other.turned))
            assert near <= NEAR, (seed, way)
            assert len(other.turned) == 7
    others = [
        distance(turn, other.fingerprint or 0)
        for n, one in enumerate(pictures)
        for other in pictures[:n]
        for turn in one.turned
    ]
    assert min(others) > NEAR


def test_a_photo_turned_by_its_metadata_is_seen_as_it_is_shown() -> None:
    image, turned = scene(3), scene(3).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    assert distance(fingerprint(encoded(image)), fingerprint(encoded(turned, exif=exif))) <= NEAR


def test_a_picture_of_one_colour_has_no_fingerprint() -> None:
    assert examine(encoded(Image.new("RGB", (300, 300), "white"))).fingerprint is None
    assert examine(encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG")).fingerprint is None


def huge_png() -> bytes:
    """A PNG that says it has 60,000 x 60,000 pixels, in some bytes."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


NO_PHOTOS = {
    "nothing": b"",
    "text": b"<script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "pdf": b"%PDF-1.7\n",
    "gif": encoded(scene(1).convert("P"), "GIF"),
    "tiff": encoded(scene(1), "TIFF"),
    "half a JPEG": encoded(scene(1))[:9_000],
    "half a PNG": encoded(scene(1), "PNG")[:9_000],
    "head of a JPEG": b"\xff\xd8\xff\xe0" + bytes(200),
    "huge": huge_png(),
}


@pytest.mark.parametrize("name", NO_PHOTOS)
def test_what_is_no_photo_is_refused(name: str) -> None:
    with pytest.raises(NoPhoto):
        examine(NO_PHOTOS[name])


@given(PRINTS, st.sets(st.integers(0, 63), max_size=NEAR))
def test_every_fingerprint_that_is_near_is_found_by_a_part(one: int, flipped: set[int]) -> None:
    other = one
    for bit in flipped:
        other ^= 1 << bit
    assert distance(one, other) == len(flipped)
    assert set(bands(other)) & set(probes(one))
