"""Log lines: how they look, and what must never be in them."""
