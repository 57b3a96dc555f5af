"""Query parameters of a route: one that is not there, or stands twice, is refused and never ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi.dependencies.models import Dependant

from common.http.problems import invalid_request
from common.values.wording import misspelt


def takes_several(annotation: Any) -> bool:
    """Whether a parameter of this type may stand several times: a list, tuple or set, also where it may be absent."""
    kind = get_origin(annotation)
    if kind is Annotated:
        return takes_several(get_args(annotation)[0])
    if kind in (Union, UnionType):
        return any(map(takes_several, get_args(annotation)))
    found = kind or annotation
    return isinstance(found, type) and issubclass(found, Collection) and not issubclass(found, str | bytes)


class Queries:
    """The names that a route takes, and which of them may stand several times."""

    def __init__(self, dependant: Dependant) -> None:
        self._several: dict[str, bool] = {}
        self._add(dependant)

    def _add(self, dependant: Dependant) -> None:
        for field in dependant.query_params:
            self._several[field.alias] = takes_several(field.field_info.annotation)
        for inner in dependant.dependencies:
            self._add(inner)

    def check(self, query: bytes) -> None:
        """Raises a Problem (422) that names each such parameter, the unknown ones with the nearest name."""
        if not query:
            return
        counts = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        places = [(f"query {name[:100]}", why) for name, count in counts.items() if (why := self._why(name, count))]
        if places:
            raise invalid_request(places)

    def _why(self, name: str, count: int) -> str | None:
        if name not in self._several:
            if not self._several:
                return "this route takes no query parameters; leave it out"
            return misspelt(name, self._several).replace("no such field", "no such parameter")
        if count > 1 and not self._several[name]:
            return f"stands {count} times; send it once"
        return None
