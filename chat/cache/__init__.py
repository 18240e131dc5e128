"""Reads: Redis first, MongoDB on a miss. And the fence that keeps old values out after a write."""
