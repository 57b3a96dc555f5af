"""What every test run of the repository does: it notes which requirements the passed tests cite."""

pytest_plugins = ["pytester", "regulars.docs.citations"]
