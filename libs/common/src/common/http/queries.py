"""Query parameters of a route: one that is not there, or stands twice, is refused and never ignored."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qsl

from fastapi._compat.shared import field_annotation_is_sequence
from fastapi.dependencies.models import Dependant

from common.http.problems import invalid_request
from common.values.wording import misspelt


class Queries:
    """The names that a route takes, and which of them may stand several times."""

    def __init__(self, dependant: Dependant) -> None:
        self._several: dict[str, bool] = {}
        self._add(dependant)

    def _add(self, dependant: Dependant) -> None:
        for field in dependant.query_params:
            self._several[field.alias] = field_annotation_is_sequence(field.field_info.annotation)
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
