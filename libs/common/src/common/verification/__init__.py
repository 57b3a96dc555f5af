"""The command `verify`: what a service keeps is compared with its inputs and with the log, some rows at a time."""

from common.verification.claims import compare_claims
from common.verification.comparing import compare
from common.verification.customers import Customers
from common.verification.erased import list_erased, without_erased
from common.verification.expected import Expectation, digest, rank
from common.verification.log import Fact, Log
from common.verification.run import Verification, in_pages
from common.verification.tables import Appended, Row, Rows, Table, pages_of

__all__ = [
    "Appended",
    "Customers",
    "Expectation",
    "Fact",
    "Log",
    "Row",
    "Rows",
    "Table",
    "Verification",
    "compare",
    "compare_claims",
    "digest",
    "in_pages",
    "list_erased",
    "pages_of",
    "rank",
    "without_erased",
]
