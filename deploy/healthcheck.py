"""The container's health check: exit 0 when GET /health/ready answers 200."""

import os
import sys
import urllib.error
import urllib.request

PORT = os.environ.get("HTTP_PORT", "8080")

try:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/ready", timeout=2) as answer:  # nosec B310 # of this machine
        sys.exit(0 if answer.status == 200 else 1)
except (urllib.error.URLError, OSError) as error:
    sys.exit(f"not ready: {error}")
