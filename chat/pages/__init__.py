"""Cached HTML: pieces of pages that are rendered once and shared by many readers."""
