"""One running process: its settings, logs, figures and parts."""
