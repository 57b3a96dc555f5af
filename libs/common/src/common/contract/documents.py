"""The committed documents of the contract: written from the classes, and checked for staleness and compatibility."""

from __future__ import annotations

import re
from pathlib import Path

from common.contract.asyncapi import document
from common.contract.compatibility import breaks, new_reads_old
from common.contract.schemas import FOLDER, Schema, all_schemas, encode, released

ASYNCAPI = Path(__file__).parents[5] / "docs" / "asyncapi.json"
_NAME = re.compile(r"(?P<type>.+)\.v(?P<version>\d+)\.json")


def incompatibilities(old: dict[str, Schema], new: dict[str, Schema]) -> list[str]:
    """What of `new` breaks a promise of `old`, both file name -> schema: sentences that say what to do."""
    found = []
    today = {match["type"]: (int(match["version"]), name) for name in new if (match := _NAME.fullmatch(name))}
    for name, schema in old.items():
        match = _NAME.fullmatch(name)
        if match is None or match["type"] not in today:
            found.append(f"{name}: the type was released and is gone; a consumer must still read it: keep its class")
            continue
        version, current = today[match["type"]]
        if name == current:
            found.extend(
                f"{line}; raise VERSION, or make the change optional" for line in breaks(name, schema, new[name])
            )
        elif int(match["version"]) > version:
            found.append(f"{name}: version {match['version']} was released, the class writes version {version}")
        elif not new_reads_old(schema, new[current]):
            found.append(f"{name}: a consumer must read every version ever released; version {version} does not")
    return found


def stale(folder: Path = FOLDER, asyncapi: Path = ASYNCAPI) -> list[str]:
    """Committed documents that are not what the classes make."""
    wanted = {folder / name: encode(schema) for name, schema in all_schemas().items()}
    wanted[asyncapi] = encode(document())
    return [
        f"{path.name} is {'stale' if path.exists() else 'missing'}: run `python -m common.contract export`"
        for path, content in wanted.items()
        if not path.exists() or path.read_bytes() != content
    ]


def export(folder: Path = FOLDER, asyncapi: Path = ASYNCAPI, *, unreleased: bool = False) -> list[str]:
    """Write all documents, unless that would break a released schema; returns what it would break.

    `unreleased` overwrites all the same: only for events that no installation has ever written.
    """
    problems = [] if unreleased else incompatibilities(released(folder), all_schemas())
    if problems:
        return problems
    folder.mkdir(parents=True, exist_ok=True)
    asyncapi.parent.mkdir(parents=True, exist_ok=True)
    for name, schema in all_schemas().items():
        (folder / name).write_bytes(encode(schema))
    asyncapi.write_bytes(encode(document()))
    return []
