"""What routes of segments share: the id, a segment that is known, and the names of all."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field

from common.http.api import require
from segmentation.commands.segments import SegmentMissing
from segmentation.segments.state import Defined

READ, WRITE = Depends(require("segments:read")), Depends(require("segments:write"))
SegmentId = Annotated[
    str, Field(max_length=63, pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="such as `quiet-regulars`")
]


def known_segment(known: dict[str, Defined], segment: str) -> Defined:
    if segment not in known:
        raise SegmentMissing(segment)
    return known[segment]


def names_of(known: dict[str, Defined]) -> dict[str, str]:
    return {name: each.definition.name for name, each in known.items()}
