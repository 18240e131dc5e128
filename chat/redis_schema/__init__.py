"""What may be in Redis: every key, the shape of its value, and which keys are ours."""
