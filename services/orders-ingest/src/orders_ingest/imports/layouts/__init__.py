"""Layouts of files of history, and the registry of them."""
