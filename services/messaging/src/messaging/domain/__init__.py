"""The rules of contact, without I/O: windows, caps, permissions, flows, the one decision, the text."""
