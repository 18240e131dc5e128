"""Gives the same answer again after one round trip has shown that it is still true (R18)."""
