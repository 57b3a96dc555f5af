"""Which query parameters may stand several times follows from their types."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Optional

import pytest
from fastapi import FastAPI, Query
from fastapi.routing import APIRoute

from common.http.problems import Problem
from common.http.queries import Queries, takes_several


@pytest.mark.parametrize(
    ("annotation", "several"),
    [
        *[(list[str], True), (tuple[int, ...], True), (set[str] | None, True), (Sequence[str], True), (list, True)],
        *[(Annotated[list[Annotated[str, "x"]], "y"], True), (Optional[list[str]], True)],  # noqa: UP045  # older code has it
        *[(str, False), (bytes, False), (str | None, False), (int, False), (datetime | None, False)],
        *[(Annotated[str, "x"] | None, False), (Literal["a", "b"], False), (Any, False)],
    ],
)
def test_lists_may_stand_several_times_and_nothing_else(annotation: Any, several: bool) -> None:
    assert takes_several(annotation) is several


def test_a_route_says_of_each_parameter_whether_it_may_come_twice() -> None:
    app = FastAPI()

    @app.get("/x")
    def route(tags: Annotated[list[str] | None, Query()] = None, limit: int = 1) -> None: ...

    [found] = [each for each in app.routes if isinstance(each, APIRoute)]
    queries = Queries(found.dependant)
    queries.check(b"tags=a&tags=b&limit=1")
    for query, words in ((b"limit=1&limit=2", "stands 2 times"), (b"limt=1", "did you mean `limit`")):
        with pytest.raises(Problem) as refused:
            queries.check(query)
        assert words in str(refused.value.__dict__)
