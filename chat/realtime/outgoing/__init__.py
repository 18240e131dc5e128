"""What leaves for browsers: every event, and who is in which room."""
