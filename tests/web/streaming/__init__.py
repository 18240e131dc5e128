"""A route that takes long bodies, for the tests of streamed bodies."""

MOST = 50_000_000
PATH = "/api/tried"
