"""The command `compare-types`: buyer types as segmentation found them beside those that a simulated shop really has."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators
from rich.console import Console
from rich.table import Table

from common.values.paths import part
from regulars.client import Services
from regulars.dead import asked
from regulars.simulation.buyers import BUYERS
from regulars.stack.errors import Refused

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
_RUN = Path(".run")
NONE, PAGE, WIDE = "none", 10_000, 120
_console = Console(highlight=False, soft_wrap=True, width=WIDE)  # the table is whole in a file, too


def compare_types(
    truth: Path = Path("truth.jsonl"),
    *,
    orders: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 3,
    folder: Folder = _RUN,
) -> int:
    """Print the confusion matrix: rows are what customers of a simulated shop are, columns what they are taken for.

    The shop needs a segment, as buyer types are kept from the first one on.

    Parameters
    ----------
    truth
        The file that `simulate` wrote.
    orders
        Of customers with so many completed orders; of less little can be known.
    """
    shop, real = read(truth, orders)
    found = asked(folder, lambda services: found_types(services, shop))
    counted = confusion(real, found)
    table = Table(
        f"of {orders} orders or more", *(kind[:9] for kind in (*BUYERS, NONE)), "right", box=None, pad_edge=False
    )
    for kind in BUYERS:
        row = [counted[kind, other] for other in (*BUYERS, NONE)]
        table.add_row(kind, *map(str, row), _percent(counted[kind, kind], sum(row)))
    _console.print(table)
    typed = sum(count for (_, other), count in counted.items() if other != NONE)
    right = sum(counted[kind, kind] for kind in BUYERS)
    everybody = counted.total()
    known, well = _percent(typed, everybody), _percent(right, typed)
    _console.print(f"{everybody:,} customers: {known} have a type; it is right of {well} of these")
    return 0


def read(truth: Path, orders: int) -> tuple[str, dict[str, str]]:
    """The shop's name, and the types of its customers with so many completed orders."""
    try:
        with truth.open(encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        shop = str(lines[0]["plan"]["shop"])
        return shop, {
            line["customer"]: line["buyer_type"]
            for line in lines[1:]
            if "customer" in line and line["orders"] >= orders
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise Refused(f"{truth} is no truth that `simulate` wrote: {error!r}") from None


async def found_types(services: Services, shop: str) -> dict[str, str]:
    """The type of each customer who has one, as segmentation has it now."""
    found: dict[str, str] = {}
    for kind in BUYERS:
        after: str | None = ""
        while after is not None:
            page: dict[str, Any] = await services.call(
                "segmentation",
                "GET",
                f"/v1/shops/{part(shop)}/buyer-types/{part(kind)}/customers",
                params={"after": after, "limit": PAGE},
            )
            found |= {each["customer"]: kind for each in page["customers"]}
            after = page["next_after"]
    return found


def confusion(real: Mapping[str, str], found: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """How many customers of each type are taken for which; of no type: `none`."""
    return Counter((kind, found.get(customer, NONE)) for customer, kind in real.items())


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
