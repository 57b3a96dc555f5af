"""What a profile says without being personal: the life state that an address tells of, and the years of birth.

Derived here, where the address and the birthday are open, so that no other service opens them for it (SEG-036, 040).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from common.events.customers import LifeState

YEARS = 5
"""So many years of birth are told apart no further."""
_WORDS: Mapping[LifeState, str] = {
    "student": r"大学|大學|学院|學院|宿舍|校区|校區|学校|學校|\b(?:university|college|dormitory|dorm|campus|student)\b",
    "civil_servant": r"政府|机关|機關|法院|检察院|檢察院|公安局|税务局|稅務局|海关|海關|委员会|委員會|"
    r"\b(?:city hall|town hall|courthouse|ministry|government)\b",
    "white_collar": r"大厦|大廈|写字楼|寫字樓|商务中心|商務中心|科技园|科技園|产业园|產業園|办公|辦公|"
    r"\b(?:office|tower|plaza|business park|corporate|headquarters)\b",
    "homebody": r"小区|小區|花园|花園|公寓|家园|家園|新村|社区|社區|别墅|別墅|"
    r"\b(?:apartment|apartments|apt|residence|estate)\b",
}
_STATES = tuple((state, re.compile(words, re.IGNORECASE)) for state, words in _WORDS.items())


def life_state(address: str) -> LifeState | None:
    """Where goods are sent to: 大学 or 宿舍 is a student's, 大厦 or 写字楼 a white-collar's; the first that fits.

    None where the address tells nothing.
    """
    return next((state for state, words in _STATES if words.search(address)), None)


def born_from(birthday: str) -> int:
    """The first of the five years within which the day lies, such as 1990 for 1994-05-01."""
    year = date.fromisoformat(birthday).year
    return year - year % YEARS
