"""What customers' texts say: key issues of a period, signals, one text read, and the shop's own model."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field

from common.events.fields import Identifier, Instant, ShopName
from common.http.api import Body, Router, Tx, require
from common.process.runtime import Runtime
from feedback.api.periods import period_of
from feedback.commands.understanding import MODELS, train
from feedback.understanding import store
from feedback.understanding.issues import Counted, rank
from feedback.understanding.rules import read
from feedback.understanding.state import RULES, Signal, Source, Topic
from feedback.understanding.store import Trained
from feedback.understanding.store_days import Figures, count
from feedback.understanding.texts import MOST

router = Router(prefix="/v1/shops/{shop}", tags=["understanding"])
MOST_TEXTS = 200
Until = Annotated[Instant | None, Query(description="absent: now")]
Since = Annotated[Instant | None, Query(description="absent: 30 days before `until`")]


class TopicOut(BaseModel):
    """`liked`, `disliked`: texts that speak well or ill of it. `stars_hundredths`: the mean of the stars, times 100."""

    texts: int
    liked: int
    disliked: int
    stars_hundredths: int | None


class IssueOut(BaseModel):
    """`disliked_per_mille`: of all texts of the period. `trend`: by how much that is more than in the period before;
    null where nothing was said then."""

    topic: Topic
    now: TopicOut
    before: TopicOut
    disliked_per_mille: int
    trend: int | None


class TextsOut(BaseModel):
    """All texts of a period. `surpassed`, `disappointed`: those that say so of what was expected (FBK-026)."""

    texts: int
    positive: int
    negative: int
    surpassed: int
    disappointed: int


class KeyIssuesOut(BaseModel):
    """`items`: what is most spoken ill of first. The period before is as long as the period."""

    since: datetime
    until: datetime
    now: TextsOut
    before: TextsOut
    signals: dict[Signal, int]
    items: list[IssueOut]


class SpokenOut(BaseModel):
    """Where it was said; the text itself is read there."""

    customer: str
    source: Source
    name: str
    question: str | None
    at: datetime
    stars: int | None


class SpokenPage(BaseModel):
    items: list[SpokenOut]


class TextIn(Body):
    """A text to be read, of a chat for example; it is not kept."""

    text: Annotated[str, Field(min_length=1, max_length=MOST)]


class ReadingOut(BaseModel):
    """`sentiment`, and each topic's, are -1, 0 or 1. `expectation`: 1 surpassed, -1 disappointed. `reader`: the rules,
    or the shop's model."""

    sentiment: int
    topics: dict[Topic, int]
    signals: list[Signal]
    expectation: int
    reader: str


class TrainingIn(Body):
    again_days: Annotated[int, Field(ge=0, le=800, strict=True)] = Field(
        90, description="what was said within so many days is read again by the new model"
    )


class ModelOut(BaseModel):
    """`accuracy_per_mille`: of the `held_out` texts that it did not learn from, those that it read right;
    `rules_per_mille`: the same of the rules. It is `in_use` where it is better than they are."""

    number: int
    trained_at: datetime
    texts: int
    held_out: int
    accuracy_per_mille: int
    rules_per_mille: int
    in_use: bool


class ModelPage(BaseModel):
    """The newest first; the newest in use reads."""

    items: list[ModelOut]


@router.get("/key-issues", dependencies=[require("feedback:read")])
async def get_key_issues(shop: ShopName, tx: Tx, since: Since = None, until: Until = None) -> KeyIssuesOut:
    """What customers are dissatisfied with, ranked, beside the period before (FBK-019)."""
    begin, end = period_of(since, until, tx.clock.now(), 30)
    earlier = begin - (end - begin)
    now, before = await count(tx, shop, begin, end), await count(tx, shop, earlier, begin)
    return KeyIssuesOut(
        since=begin,
        until=end,
        now=_texts(now.all),
        before=_texts(before.all),
        signals=now.signals,
        items=[
            IssueOut(
                topic=issue.topic,
                now=_topic(issue.now),
                before=_topic(issue.before),
                disliked_per_mille=issue.disliked_per_mille,
                trend=issue.trend,
            )
            for issue in rank(now.topics, before.topics, now.all.texts, before.all.texts)
        ],
    )


@router.get("/key-issues/{topic}/texts", dependencies=[require("feedback:read")])
async def list_issue_texts(
    shop: ShopName,
    topic: Topic,
    tx: Tx,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, Query(ge=1, le=MOST_TEXTS)] = 50,
) -> SpokenPage:
    """The newest texts that speak ill of a topic."""
    begin, end = period_of(since, until, tx.clock.now(), 30)
    rows = await store.list_saying(tx, shop, topic, begin, end, limit)
    items = [
        SpokenOut(customer=r.customer, source=r.source, name=r.name, question=r.part or None, at=r.at, stars=r.stars)
        for r in rows
    ]
    return SpokenPage(items=items)


@router.get("/expectations/{sku}", dependencies=[require("feedback:read")])
async def get_expectations(
    shop: ShopName, sku: Identifier, tx: Tx, since: Since = None, until: Until = None
) -> TextsOut:
    """Whether a product surpasses or disappoints what was expected of it (FBK-026)."""
    begin, end = period_of(since, until, tx.clock.now(), 30)
    return TextsOut(**(await store.count_texts(tx, shop, begin, end, sku))._mapping)


@router.post("/readings", dependencies=[require("feedback:read")])
async def post_reading(shop: ShopName, body: TextIn, tx: Tx) -> ReadingOut:
    """Read one text, of a chat for example: topics, sentiment, signals of buyer types (FBK-018, FBK-023)."""
    reader, judge = (await MODELS.get_judges(tx, [shop])).get(shop, (RULES, None))
    found = read(body.text, judge)
    return ReadingOut(
        sentiment=found.sentiment,
        topics=dict(found.topics),
        signals=list(found.signals),
        expectation=found.expectation,
        reader=reader,
    )


@router.post("/sentiment-models", status_code=201, dependencies=[require("programme:write")])
async def post_sentiment_model(shop: ShopName, body: TrainingIn, request: Request) -> ModelOut:
    """Train a model on the shop's own reviews with stars: some seconds for ten thousands of them."""
    runtime: Runtime = request.app.state.runtime
    trained = await train(runtime.database, runtime.keys, shop, body.again_days, runtime.clock.now())
    return _model(trained)


@router.get("/sentiment-models", dependencies=[require("programme:read")])
async def list_sentiment_models(shop: ShopName, tx: Tx) -> ModelPage:
    """The models that were trained, and how well each reads."""
    return ModelPage(items=[_model(model) for model in await store.list_models(tx, shop)])


def _topic(found: Counted) -> TopicOut:
    return TopicOut(
        texts=found.texts, liked=found.liked, disliked=found.disliked, stars_hundredths=found.stars_hundredths
    )


def _texts(found: Figures) -> TextsOut:
    return TextsOut(
        texts=found.texts,
        positive=found.liked,
        negative=found.disliked,
        surpassed=found.surpassed,
        disappointed=found.disappointed,
    )


def _model(trained: Trained) -> ModelOut:
    return ModelOut(
        number=trained.number,
        trained_at=trained.trained_at,
        texts=trained.texts,
        held_out=trained.held_out,
        accuracy_per_mille=trained.right_of_model * 1000 // trained.held_out,
        rules_per_mille=trained.right_of_rules * 1000 // trained.held_out,
        in_use=trained.in_use,
    )
