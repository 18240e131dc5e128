"""Counters and timers that the rest of the code adds to. Knows only names of keys and events."""
