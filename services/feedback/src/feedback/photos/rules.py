"""What a photo must be, judged by its bytes and never by its name, and its fingerprint; pure (FBK-040, SEC-013)."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from common.refusals import Conflict, Invalid, NotFound, NotNow

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""By what the bytes are, in Pillow's words."""
MOST_PIXELS = {"JPEG": 200_000_000, "PNG": 30_000_000, "WEBP": 30_000_000}
"""Larger ones are not unpacked; a JPEG is read at an eighth of its size, the others whole, in some 100 MB."""
_SIDE, _KEPT = 32, 8
_FLAT = 2.0
"""Standard deviation of brightness (0 to 255) below which nothing is shown that could be told apart."""


class NoPhoto(Invalid):
    """The bytes are no photo that is taken here."""

    def __init__(self, why: str) -> None:
        super().__init__("no_photo", f"Send a JPEG, PNG or WebP file as the whole body: {why}.")


class PhotoDiffers(Conflict):
    """A photo of that id is kept, another one."""

    def __init__(self, photo_id: str) -> None:
        super().__init__("photo_differs", f"Photo {photo_id} of this customer is another one: give each its own id.")


class UnknownPhoto(NotFound):
    """The customer has no such photo here."""

    def __init__(self, photo_id: str) -> None:
        super().__init__("unknown_photo", f"There is no photo {photo_id!r} of this customer; GET …/photos lists them.")


class PhotosOff(Conflict):
    """The installation keeps no photos."""

    def __init__(self) -> None:
        super().__init__(
            "photos_off",
            "This installation keeps no photos: its operator sets PHOTO_DIR, or PHOTO_STORE=s3. "
            "A photo's https address may be given instead.",
        )


class PhotoStoreAway(NotNow):
    """The store cannot be reached, or lacks what it was given."""

    retry_after_s = 5

    def __init__(self) -> None:
        super().__init__("photo_store_away", "The store of photos does not answer as it should: try again soon.")


@dataclass(frozen=True, slots=True)
class Picture:
    """`fingerprint`: 64 bits that near copies share almost all of; None of a picture that shows one colour alone.
    `turned`: those of its seven other turns and mirrorings."""

    content_type: str
    width: int
    height: int
    fingerprint: int | None
    turned: tuple[int, ...] = ()


def examine(body: bytes) -> Picture:
    """Type, size and fingerprint of a photo. Raises NoPhoto. Takes some 10 to 500 ms of CPU by size and kind."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of sizes, which are judged here
            with Image.open(io.BytesIO(body), formats=tuple(TYPES)) as image:
                kind = image.format or ""
                width, height = image.size
                if width * height > MOST_PIXELS[kind]:
                    raise NoPhoto(f"it has {width} x {height} pixels, more than {MOST_PIXELS[kind]:,}")
                image.draft("L", (4 * _SIDE, 4 * _SIDE))  # a JPEG is read at an eighth of its size
                shown = ImageOps.exif_transpose(image).convert("RGBA" if image.has_transparency_data else "L")
                fingerprints = _fingerprints(_on_white(shown))
    except NoPhoto:
        raise
    except UnidentifiedImageError:
        raise NoPhoto("this is none by its bytes") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError):
        raise NoPhoto("it is not whole, or broken") from None
    return Picture(TYPES[kind], width, height, fingerprints[0] if fingerprints else None, fingerprints[1:])


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("L")


def _fingerprints(gray: Image.Image) -> tuple[int, ...]:
    """The pHash: of 32 x 32 pixels, which of the 64 lowest frequencies lie above their median (Zauner, 2010).

    Of the picture as it is first, then of its seven turns and mirrorings: a turn exchanges rows and columns of the
    frequencies, a mirroring the signs of the odd ones. Empty where it shows one colour alone.
    """
    small = np.asarray(gray.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    if small.std() < _FLAT:
        return ()
    low, signs = _cosines() @ small @ _cosines().T, (-1.0) ** np.arange(_KEPT)
    over, across = signs[:, None], signs[None, :]
    return tuple(
        _bits(one) for base in (low, low.T) for one in (base, base * over, base * across, base * over * across)
    )


def _bits(low: np.ndarray[Any, np.dtype[np.float64]]) -> int:
    return int("".join("1" if bit else "0" for bit in (low > np.median(low)).flatten()), 2)


@cache
def _cosines() -> np.ndarray[Any, np.dtype[np.float64]]:
    """The first rows of the discrete cosine transform (type II)."""
    places = np.arange(_SIDE)
    rows = [np.cos(math.pi * (2 * places + 1) * frequency / (2 * _SIDE)) for frequency in range(_KEPT)]
    return np.asarray(rows)
