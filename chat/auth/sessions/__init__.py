"""Sessions (R1, C4): read from Redis, stored durably in MongoDB."""
