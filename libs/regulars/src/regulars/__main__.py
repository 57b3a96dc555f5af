"""What does ``python -m regulars`` run? The operator's command."""

from regulars.cli import main

main()
