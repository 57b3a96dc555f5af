"""The operator's command, the local stack and the test fixtures."""
