"""Sessions (R1, C4): answered by Redis, kept for good in MongoDB."""
