"""The response cache of the API: reuses an answer after one round trip has verified it (R18)."""
