"""Facts about the current request or socket event: client address, path, turn, handoff."""
