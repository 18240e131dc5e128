"""HTML that is rendered once and used for many readers."""
