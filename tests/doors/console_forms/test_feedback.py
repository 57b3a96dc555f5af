"""Forms of tasks, content and surveys."""

from __future__ import annotations

from ..desk import Desk


async def test_tasks_content_and_surveys_are_worked_by_their_forms(desk: Desk) -> None:
    """XCT-003, FBK-021, FBK-043, FBK-015: taken, ended, approved with a grade, built question by question."""
    page = await desk.send("/tasks", 422, title="Better boxes", kind="improvement", due_at="tomorrow")
    assert "Better boxes" in page
    assert "Say when, with day and time." in page
    task = {"title": "Better boxes", "kind": "improvement", "topic": "packaging", "owner": "warehouse"}
    page = await desk.follow("/tasks", **task, due_at="2025-03-10T10:00", command="once")
    assert "Done: the service has taken it." in page
    assert "It is compared once the task is done." in page
    here = "/tasks/console-once"
    await desk.follow("/tasks", **task, due_at="2025-03-10T10:00", command="once")
    assert len((await desk.services.json("feedback", "/staff-tasks"))["items"]) == 1, "a repetition is one task"
    assert "Say to whom, until when, or both." in await desk.send(f"{here}/change", 422, revision="1")
    page = await desk.send(f"{here}/take", 422, revision="7")
    assert "changed meanwhile" in page, "somebody else's change is not overwritten"
    await desk.follow(f"{here}/take", revision="1")
    page = await desk.follow(f"{here}/end", outcome="done", measure="Thicker boxes")
    assert "Thicker boxes" in page
    ended = await desk.services.json("feedback", "/staff-tasks/console-once")
    assert (ended["owner"], ended["ended_by"], ended["outcome"]) == ("Olga", "Olga", "done")
    assert "Better boxes" in await desk.get("/tasks?view=ended")

    page = await desk.send("/content", 422, kind="tutorial", title="How to brew", link="")
    assert "How to brew" in page
    own = {"kind": "tutorial", "title": "How to brew", "link": "https://shop.example/brew", "command": "brew"}
    await desk.follow("/content", **own)
    assert "Say it in a few words." in await desk.send("/content/console-brew/refuse", 422, reason="")
    page = await desk.follow("/content/console-brew/approve", grade="A", featured="yes")
    assert "featured" in page
    page = await desk.send("/content/console-brew/refuse", 422, reason="too late")
    assert "what is approved withdrawn" in page
    await desk.follow("/content/console-brew/withdraw", reason="out of date")

    first = {"question_id": "taste", "type": "score", "words.en": "How did it taste?", "scale": "1-5"}
    page = await desk.send("/survey-builder", 422, form_id="tasting", kind="poll", **first)
    assert "Write it in at least one language." in page
    await desk.follow("/survey-builder", **{"title.en": "Tasting"}, form_id="tasting", kind="poll", **first)
    page = await desk.send("/survey-builder", 422, **{"title.en": "Tasting"}, form_id="tasting", kind="poll", **first)
    assert "There is such a form already" in page
    version = str((await desk.services.json("feedback", "/survey-forms"))["version"])
    why = {"question_id": "why", "type": "choices", "words.zh": "为什么？", "options": "a: A | 甲\nb: B"}
    page = await desk.follow("/survey-forms/tasting/questions", **why, replaces=version)
    assert "为什么？" in page
    page = await desk.send(
        "/survey-forms/tasting/questions",
        422,
        question_id="more",
        type="text",
        replaces=version,
        **{"words.en": "More?"},
    )
    assert "More?" in page, "a version saved meanwhile is not overwritten, and what was written stays"
    version = str((await desk.services.json("feedback", "/survey-forms"))["version"])
    await desk.follow("/survey-forms/tasting/questions/why/up", replaces=version)
    form = await desk.services.json("feedback", "/survey-forms")
    asked = next(each["form"]["questions"] for each in form["items"] if each["form"]["form_id"] == "tasting")
    assert [q["question_id"] for q in asked] == ["why", "taste"]
    await desk.follow("/survey-forms/tasting/questions/why/remove", replaces=str(form["version"]))
