"""Names that came lately in a file, in memory that is set aside once and does not grow with the file."""

from __future__ import annotations

from array import array
from hashlib import blake2b

PLACES = 4
"""Of a name: as many that share a row of the table are remembered, the oldest goes first."""
ROWS = 1 << 18


class Recent:
    """The last million names, more or less, each with a number; 16 MB.

    Names are known by 64 bits of a hash: in a file of 50 million names, two are taken for one once in 10^11 files.
    """

    def __init__(self, rows: int = ROWS) -> None:
        self._rows = rows
        self._signs = array("Q", bytes(8 * PLACES * rows))
        self._numbers = array("q", bytes(8 * PLACES * rows))

    def get(self, name: str) -> int | None:
        """The number under which the name was put last; None where it never was, or long ago."""
        at = self._find(*self._place(name))
        return None if at is None else self._numbers[at]

    def put(self, name: str, number: int = 0) -> None:
        """Remember the name; the oldest of its row is forgotten where that is full."""
        row, sign = self._place(name)
        at = self._find(row, sign)
        if at is None:
            # A row is kept newest first.
            at = row
            end = row + PLACES
            self._signs[row + 1 : end] = self._signs[row : end - 1]
            self._numbers[row + 1 : end] = self._numbers[row : end - 1]
            self._signs[at] = sign
        self._numbers[at] = number

    def __contains__(self, name: str) -> bool:
        return self._find(*self._place(name)) is not None

    def _place(self, name: str) -> tuple[int, int]:
        digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        # 0 is an empty place.
        return int.from_bytes(digest[8:]) % self._rows * PLACES, int.from_bytes(digest[:8]) or 1

    def _find(self, row: int, sign: int) -> int | None:
        for at in range(row, row + PLACES):
            if self._signs[at] == sign:
                return at
        return None
