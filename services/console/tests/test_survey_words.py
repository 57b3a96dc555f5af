"""Words of a survey's form: what is written is what is asked, and nothing else of the form changes."""

from __future__ import annotations

import pytest

from console.feedback.forms import LANGUAGES, LONGEST, read, words_of
from feedback.forms.built_in import BUILT_IN
from feedback.forms.state import Form


@pytest.mark.parametrize("form", BUILT_IN.values(), ids=lambda form: form.form_id)
def test_a_form_reads_back_the_same_and_takes_other_words(form: Form) -> None:
    """FBK-003: every form that a shop has."""
    given = form.model_dump(mode="json")
    written = {
        f"{each.name}.{language}": each.words[language] or "" for each in words_of(given) for language in LANGUAGES
    }
    assert read(given, written) == (given, [])
    changed, wrong = read(given, {**written, "questions.0.en": " Was it good? "})
    assert wrong == []
    assert Form.model_validate(changed).questions[0].words.en == "Was it good?"
    changed["questions"][0]["words"] = given["questions"][0]["words"]
    assert changed == given


def test_words_in_no_language_or_too_long_are_named() -> None:
    given = next(iter(BUILT_IN.values())).model_dump(mode="json")
    written = {f"{each.name}.zh": "好" for each in words_of(given)}
    assert read(given, {**written, "title.zh": ""})[1] == ["title"]
    assert read(given, {**written, "questions.0.en": "x" * (LONGEST + 1)})[1] == ["questions.0"]
