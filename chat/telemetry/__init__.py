"""Counters and timers that the rest of the code adds to. Imports nothing of the product."""
