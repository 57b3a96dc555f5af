"""An import contract of our own: a store is read by its own folder and by the doors of its service alone."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OwnStores(Contract):
    """``packages``: the services looked at. ``doors``: the names under a service that may import every store.

    A store is a module or package named ``store`` or ``store_<what>``. Those who may import it besides the doors are
    the modules of the folder that it stands in.
    """

    packages = fields.ListField(subfield=fields.StringField())
    doors = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        doors: set[str] = set(self.doors)  # type: ignore[call-overload]
        wrong = [
            (importer, module)
            for module in sorted(graph.modules)
            if module.split(".")[0] in self.packages  # type: ignore[operator]
            and (folder := _folder_of_store(module)) is not None
            for importer in sorted(graph.find_modules_that_directly_import(module))
            if not f"{importer}.".startswith(f"{folder}.") and importer.split(".")[1] not in doors
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, module in check.metadata["wrong"]:
            output.print_error(f"- {importer} imports {module}: ask a module of that folder, or let a door do it")


def _folder_of_store(module: str) -> str | None:
    """The folder that a store's module stands in; None for what is no store. ``x.points.store.lots``: ``x.points``."""
    parts = module.split(".")
    for place, part in enumerate(parts):
        if part == "store" or part.startswith("store_"):
            return ".".join(parts[:place])
    return None
