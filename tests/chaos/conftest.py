"""The package `chaos` is run from the folder `tests`; its own tests find it there, too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
