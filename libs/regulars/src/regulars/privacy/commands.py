"""The commands `erase`, `export` and `share`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from regulars.dead import asked
from regulars.privacy.requests import collect, report_lines, write_archive
from regulars.privacy.requests import erase as erase_customer
from regulars.privacy.sharing import download_share, share_line

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)


def erase(shop: str, customer: str, *, folder: Folder = _RUN, within_s: float = 120) -> None:
    """Erase a customer for ever in every service of the running stack, and print the completion report.

    Under all identifiers that are one person. Totals, points and facts stay under the bare identifier.

    Parameters
    ----------
    within_s
        So long every service's confirmation is waited for.
    """
    report = asked(folder, lambda services: erase_customer(services, shop, customer, within_s))
    for line in report_lines(report):
        _console.print(line, markup=False)


def export(shop: str, customer: str, *, to: Path, folder: Folder = _RUN) -> None:
    """Write all that every service keeps of a customer into one zip: JSON, and a page to be read.

    Parameters
    ----------
    to
        The file to write.
    """
    people, found = asked(folder, lambda services: collect(services, shop, customer))
    rows = write_archive(to, shop, customer, people, found)
    _console.print(f"{rows} rows of {', '.join(people)} in {to}: open its index.html", markup=False)


def share(shop: str, partner: str, name: str, *, to: Path, gone: Path | None = None, folder: Folder = _RUN) -> None:
    """Write what a partner is given into a CSV file, as it stands now: customers and orders stand under pseudonyms.

    The agreement and the share stand before (`PUT .../sharing/partners/PARTNER`, `.../shares/NAME`); that the file was
    written is registered.

    Parameters
    ----------
    to
        The file to write.
    gone
        A second one: pseudonyms that the partner must delete.
    """
    row = asked(folder, lambda services: download_share(services, shop, partner, name, to, gone))
    _console.print(share_line(row, to), markup=False)
