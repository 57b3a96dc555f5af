"""One running process: its settings, logs, metrics and parts."""
