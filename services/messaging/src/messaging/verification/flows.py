"""Runs stand as their moves left them, the moves follow the flow, and what they asked for is there."""

from __future__ import annotations

from collections.abc import Iterator

from messaging.flows.document import END, FlowDocument, MessageStep
from messaging.verification.state import History, Moved


def of_runs(h: History) -> Iterator[str]:
    moves: dict[str, list[Moved]] = {}
    for move in h.moves:
        moves.setdefault(move.run_id, []).append(move)
    causes = {s.candidate.cause for s in h.candidates.values()}
    for run_id, run in h.runs.items():
        mine = sorted(moves.pop(run_id, []), key=lambda m: m.number)
        if [m.number for m in mine] != list(range(1, run.number + 1)):
            yield f"run {run_id} counts {run.number} moves, and has those numbered {[m.number for m in mine]}"
            continue
        stands = (mine[-1].step, mine[-1].until, mine[-1].reason) if mine else (None, None, None)
        if (run.step, run.until, run.reason) != stands:
            yield f"run {run_id} of {run.flow} stands at {run.step} ({run.reason}), which its last move does not say"
        document = h.books.of(run.flow, run.version)
        if document is None:
            continue  # of another release's library
        yield from _of_path(run_id, document, mine)
        for step in (document.step(name) for move in mine for name in move.path):
            if isinstance(step, MessageStep) and f"{run.cause}/{step.id}" not in causes:
                yield f"run {run_id} of {run.flow} passed {step.id}, and there is no message of it"
    for run_id in moves:
        yield f"moves of run {run_id} are stored, and no such run"


def _of_path(run_id: str, document: FlowDocument, moves: list[Moved]) -> Iterator[str]:
    """Each step of the path leads to the next one, and the first move begins with the first step."""
    before: str | None = None
    for move in moves:
        for name in move.path:
            step = document.step(before) if before is not None else None
            leads_to = {to for _, to, _ in document.ways(step)} if step is not None else {document.steps[0].id}
            if name not in leads_to:
                yield f"run {run_id} went from {before or 'its beginning'} to {name}, where nothing leads"
            before = name
        last = document.step(move.path[-1]) if move.reason == "finished" and move.path else None
        if last is not None and END not in {to for _, to, _ in document.ways(last)}:
            yield f"run {run_id} finished at {last.id}, which is not the end"
