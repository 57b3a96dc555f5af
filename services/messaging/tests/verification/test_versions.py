"""What topics say of versions, members of campaigns and moves stands for rows with the same content."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from common.contract.published import published_example
from common.events import Event, decode
from common.events.messages import CampaignChanged, CampaignEntered, FlowChanged, FlowMoved, TemplateChanged
from messaging.campaigns.document import CampaignDocument
from messaging.flows.document import FlowDocument
from messaging.jobs.verifying import CAMPAIGNS, FLOWS, MEMBERS, TEMPLATES
from messaging.templates.document import TemplateDocument
from messaging.verification.expected import expectations


def example(kind: Any) -> tuple[dict[str, Any], Event[Any]]:
    body = published_example(kind)
    return body, decode(orjson.dumps(body))


class Row(SimpleNamespace):
    """A row as SQLAlchemy gives it."""

    @property
    def _mapping(self) -> dict[str, Any]:
        return vars(self)


@pytest.mark.parametrize(
    ("kind", "table", "model", "columns"),
    [
        (FlowChanged, FLOWS, FlowDocument, ()),
        (TemplateChanged, TEMPLATES, TemplateDocument, ("author", "approved_by")),
        (CampaignChanged, CAMPAIGNS, CampaignDocument, ("state", "reason", "by")),
    ],
)
def test_a_version_as_announced_is_what_its_row_says(kind: Any, table: Any, model: Any, columns: Any) -> None:
    body, event = example(kind)
    d = event.data
    document = model.model_validate(d.document).model_dump_json()  # as it is stored
    more = {name: getattr(d, name) for name in columns}
    row = Row(shop=event.shop, version=d.version, at=d.valid_from, document=document, **more)
    assert [(e.name, e.digest) for e in expectations(body)] == table.says(row)
    changed = Row(**{**vars(row), "version": 99})
    assert [e.name for e in expectations(body)] != [name for name, _ in table.says(changed)]


def test_who_came_into_a_campaign_is_who_is_in_it() -> None:
    body, event = example(CampaignEntered)
    rows = [
        Row(shop=event.shop, campaign=event.data.campaign, customer=e.customer, arm=e.arm, at=event.time)
        for e in event.data.entries
    ]
    said = [(e.name, e.digest) for e in expectations(body)]
    assert said == [kept for row in rows for kept in MEMBERS.says(row)]
    assert len(said) == 2


def test_a_move_is_named_by_its_fact() -> None:
    body, event = example(FlowMoved)
    assert [e.name for e in expectations(body)] == [("move", event.shop, event.id)]
