"""Logs: one JSON object a line, with the request's correlation id, without personal data."""

from __future__ import annotations

import logging
import re
import sys
import uuid
from collections.abc import Mapping, MutableMapping
from contextlib import nullcontext
from typing import Any, TextIO

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.events.envelope import correlated
from common.values.links import without_tokens

HIDDEN = "***"
_RECORD = "common.record"
_PRIVATE_NAMES = frozenset(
    {
        "name",
        "email",
        "phone",
        "chat",
        "address",
        "birthday",
        "recipient",
        "recipient_phone",
        "remark",
        "place",
        "text",
        "note",
        "photos",
        "terms",
        "account",
        "what",
        "value",
        "authorization",
        "cookie",
        "password",
        "secret",
        "token",
    }
)
_PATTERNS = (
    # An e-mail address; before the rest, since its local part may hold a phone number.
    (re.compile(r"[^\s@<>\"'(),;:=]{1,64}@[\w-]+(?:\.[\w-]+)+"), "<email>"),
    # An API key of ours.
    (re.compile(r"rk_(\w{8})_[\w-]{8,}"), r"rk_\1_***"),
    # The key of a webhook: whoever reads it may write to the customer.
    (re.compile(r"([?&]key=)[^\s&\"']+"), r"\1***"),
    # A password within an address: postgresql://user:password@host.
    (re.compile(r"(\w+://[^\s:/@]+):[^\s@/]+@"), r"\1:***@"),
    # A phone number: international, of a Chinese mobile, or in groups; never a part of a longer
    # word or number; ASCII, so that Chinese text may stand right before it.
    (re.compile(r"(?<![\w.-])\+\d(?:[ -]?\d){7,14}(?![\w-])", re.ASCII), "<phone>"),
    (re.compile(r"(?<![\w.-])1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\w-])", re.ASCII), "<phone>"),
    (re.compile(r"(?<![\w.-])(?:\(\d{2,4}\) ?|\d{2,4}-)\d{3,4}-\d{4}(?![\w-])", re.ASCII), "<phone>"),
)
_CORRELATION = re.compile(r"[\w.:-]{1,100}")


def masked(text: str) -> str:
    """The text without e-mail addresses, phone numbers, keys and tokens of links."""
    text = without_tokens(text)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {
            k: HIDDEN if str(k).lower() in _PRIVATE_NAMES and v is not None else _clean(v) for k, v in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, int | float):
        return value
    return masked(str(value))


def without_personal_data(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: hides values under telling names, and masks addresses and numbers in all the others."""
    cleaned: MutableMapping[str, Any] = _clean(event)
    return cleaned


def _dumps(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's records to `stream` (stderr), one JSON object a line."""

    def named(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        named,
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,  # to text before masking, so that it is masked too
        without_personal_data,
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger(_RECORD).setLevel(logging.INFO)
    # These say at INFO what metrics say better, or repeat every statement.
    for noisy in ("aiokafka", "asyncio", "httpx", "httpcore", "sqlalchemy.engine"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def record(event: str, **what: Any) -> None:
    """A line of the log whatever `LOG_LEVEL` is: who did what (SEC-004)."""
    every = structlog.make_filtering_bound_logger(logging.INFO)
    structlog.wrap_logger(logging.getLogger(_RECORD), wrapper_class=every).info(event, **what)


class CorrelationMiddleware:
    """Binds the caller's X-Correlation-Id, or a new one, to every line logged for the request, and answers with it.

    One that was given also stands in the events that the request causes. A new one does not: what a replay tells must
    not depend on chance, and such an event is followed by its own id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-correlation-id", b"").decode("latin-1")
        # Anything but a plain word could forge lines in the log.
        usable = _CORRELATION.fullmatch(given) is not None
        correlation = given if usable else str(uuid.uuid4())

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-correlation-id", correlation.encode())]
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(correlation_id=correlation),
            correlated(correlation) if usable else nullcontext(),
        ):
            await self.app(scope, receive, answer)
