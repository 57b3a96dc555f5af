"""Which conditions of an expression decide that somebody meets it or not, and what they say of the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from common.values.currency import in_major
from segmentation.expressions.tree import All, Any, Atom, Compare, Not, OneOf, Tree
from segmentation.expressions.words import Language, explain

LONGEST = 480


def deciding(tree: Tree, answers: Mapping[Atom, bool]) -> tuple[bool, list[Atom]]:
    """Whether the expression holds, and the conditions that make it so: of several that would do, the first."""
    if isinstance(tree, Not):
        holds, found = deciding(tree.part, answers)
        return not holds, found
    if not isinstance(tree, All | Any):
        return answers[tree], [tree]
    wanted = isinstance(tree, Any)
    judged = [deciding(part, answers) for part in tree.parts]
    for holds, found in judged:
        if holds == wanted:
            return wanted, found
    return not wanted, [atom for _, found in judged for atom in found]


def reason(
    found: Sequence[Atom],
    answers: Mapping[Atom, bool],
    values: Mapping[Atom, str | None],
    language: Language,
    currency: str,
    names: Mapping[str, str] | None = None,
) -> str:
    """The conditions in words, each with what is known of the customer."""
    said = "; ".join(_said(atom, answers[atom], values.get(atom), language, currency, names) for atom in found)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def _said(
    atom: Atom, holds: bool, value: str | None, language: Language, currency: str, names: Mapping[str, str] | None
) -> str:
    words = explain(atom, language, names)
    if not holds:
        words = f"not ({words})" if language == "en" else f"并非（{words}）"
    if not isinstance(atom, Compare | OneOf):
        return words
    if value is None:
        return f"{words}: not known" if language == "en" else f"{words}：未知"
    if atom.fact.kind == "money":
        value = in_major(int(float(value)), currency)
    return f"{words}: {value}" if language == "en" else f"{words}：{value}"
