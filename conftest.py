"""What every test run of the repository does: it notes which requirements the passed tests cite."""

import gc

pytest_plugins = ["pytester", "regulars.docs.citations"]


def pytest_collection_finish() -> None:
    """Nine thousand tests and all that they import stay until the end: garbage is not looked for among them."""
    gc.collect()
    gc.freeze()
