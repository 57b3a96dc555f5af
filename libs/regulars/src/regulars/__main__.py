"""``python -m regulars``: the operator's command."""

from regulars.cli import main

main()
