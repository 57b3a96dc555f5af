"""JSON as shops send it."""

from __future__ import annotations

import json
from typing import Any

import orjson

from common.events import InvalidEvent, why_not_json
from common.values.nesting import MAX_DEPTH, TOO_DEEP, depth
from common.values.texts import find_unfit_json


def read(raw: bytes) -> Any:
    """JSON as it came. Raises InvalidEvent `malformed_json`, `nested_too_deeply`."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if depth(raw) > MAX_DEPTH:
            raise InvalidEvent("nested_too_deeply", TOO_DEEP) from None
        why = why_not_json(error)
        if find_unfit_json(raw) is not None:
            # Half a surrogate pair: one event's fault, which `check` finds. All else is read as above, for the others
            # of a batch must not be read otherwise because of it.
            try:
                return json.loads(
                    raw, parse_int=orjson.loads, parse_float=orjson.loads, parse_constant=_refuse_constant
                )
            except (ValueError, RecursionError) as second:
                why = str(second)
        raise InvalidEvent("malformed_json", why) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
