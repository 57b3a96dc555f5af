"""Texts that shops write, filled in within a sandbox: values and conditions, nothing that takes time or room."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes

from messaging.templates.environment import environment

MAX_RENDERED = 200_000
"""Characters of a filled-in text; a value is at most some hundred."""
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
    nodes.Filter,
)
"""No loops, calls, attributes, arithmetic or assignments: `{{ 'x' * 10 ** 9 }}` is none of these."""
_NESTED = "the text is nested too deeply, or holds a number that is too long: make it simpler"
FILTERS = frozenset({"day", "default", "upper", "lower", "capitalize", "trim"})
TESTS = frozenset({"defined", "undefined"})


class BadTemplate(ValueError):
    """The text is no template of ours; the message says what to mend."""


@lru_cache(2048)
def compiled(source: str, html: bool) -> jinja2.Template:
    """A checked text, ready to be filled in. Raises BadTemplate."""
    check(source)
    try:
        return environment(html=html).from_string(source)
    except Exception as error:
        raise BadTemplate(_NESTED) from error


@lru_cache(2048)
def check(source: str) -> frozenset[str]:
    """The names of the values that the text asks for. Raises BadTemplate for what is not allowed."""
    try:
        return _checked(source)
    except jinja2.TemplateSyntaxError as error:
        raise BadTemplate(f"line {error.lineno}: {error.message}") from None
    except BadTemplate:
        raise
    except Exception as error:
        # A depth that neither the parser nor Python bears, or a number of thousands of digits.
        raise BadTemplate(_NESTED) from error


def _checked(source: str) -> frozenset[str]:
    tree = environment(html=False).parse(source)
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise BadTemplate(
                f"line {node.lineno}: only values, `if` and the filters {', '.join(sorted(FILTERS))} are taken, "
                f"not {type(node).__name__.lower()}"
            )
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise BadTemplate(f"line {node.lineno}: there is no filter {node.name!r}: use {', '.join(sorted(FILTERS))}")
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            raise BadTemplate(f"line {node.lineno}: there is no test {node.name!r}: use `is defined`")
    return frozenset(meta.find_undeclared_variables(tree))


def fill(source: str, values: Mapping[str, Any], *, html: bool = False) -> str:
    """The text with its values. Raises BadTemplate, and jinja2.UndefinedError where a value is missing.

    Whatever a shop's text and its values make of each other is the text's fault, and no other message's.
    """
    try:
        filled = compiled(source, html).render(values)
    except (jinja2.TemplateError, BadTemplate):
        raise
    except Exception as error:
        raise BadTemplate(f"a value does not fit what the text does with it: {error}") from error
    if len(filled) > MAX_RENDERED:
        raise BadTemplate(f"the filled-in text has more than {MAX_RENDERED} characters")
    return filled
