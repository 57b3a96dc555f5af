"""A shop's rules of surveys: its own forms, and how long a customer is left alone after one."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from feedback.forms.built_in import BUILT_IN
from feedback.forms.schedule import Schedule
from feedback.forms.state import Form


class SurveyRules(BaseModel):
    """Part of a version of the shop's policy; a survey has the form of the version in force when it was asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    forms: Annotated[tuple[Form, ...], Field(max_length=100)] = Field(
        (), description="the shop's own; one with the id of a form that every shop has takes its place"
    )
    rest_days: Annotated[int, Field(ge=0, le=365, strict=True)] = Field(
        30, description="days after any survey in which a customer is asked nothing else; 0: none"
    )
    reply_days: Annotated[int, Field(ge=0, le=30, strict=True)] = Field(
        3,
        description="days in which a text message that is a number, alone or before words that judge, answers the "
        "survey asked last, where its form asks one score or one choice; 0: none does",
    )

    schedules: Annotated[tuple[Schedule, ...], Field(max_length=20)] = Field(
        (), description="what customers are asked by itself, besides the usage question"
    )

    @model_validator(mode="after")
    def _schedules_name_forms(self) -> Self:
        ids = [schedule.schedule_id for schedule in self.schedules]
        if len(set(ids)) != len(ids):
            raise ValueError("schedules: each has a `schedule_id` of its own")
        for schedule in self.schedules:
            if self.form(schedule.form_id) is None:
                raise ValueError(f"schedule {schedule.schedule_id!r}: there is no form {schedule.form_id!r}")
        return self

    @model_validator(mode="after")
    def _forms_differ(self) -> Self:
        ids = [form.form_id for form in self.forms]
        if len(set(ids)) != len(ids):
            raise ValueError("forms: each has a `form_id` of its own")
        for form in self.forms:
            standard = BUILT_IN.get(form.form_id)
            if standard is not None and standard.kind != form.kind:
                raise ValueError(f"form {form.form_id!r} is of kind {standard.kind!r}: give another kind another id")
        return self

    def form(self, form_id: str) -> Form | None:
        """The form of that id; None where there is none."""
        return next((form for form in self.forms if form.form_id == form_id), BUILT_IN.get(form_id))

    def all_forms(self) -> list[Form]:
        """By id."""
        found = BUILT_IN | {form.form_id: form for form in self.forms}
        return [found[form_id] for form_id in sorted(found)]
