"""`python -m common.contract export | check`: write the documents of the contract, or say what is wrong with them."""

from __future__ import annotations

import sys

from common.contract.documents import export, incompatibilities, stale
from common.contract.schemas import all_schemas, released

USAGE = """usage: python -m common.contract export [--unreleased] | check

export  write libs/common/schemas and docs/asyncapi.json; refuses to break a released schema
        (--unreleased: overwrite all the same; only for events that no installation has ever written)
check   exit 1 when a released schema is broken or a committed document is stale"""


def main(arguments: list[str]) -> int:
    match arguments:
        case ["export"]:
            problems = export()
        case ["export", "--unreleased"]:
            problems = export(unreleased=True)
        case ["check"]:
            problems = incompatibilities(released(), all_schemas()) + stale()
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
