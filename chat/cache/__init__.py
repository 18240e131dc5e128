"""Cached reads: from Redis, on a miss from MongoDB. The fence prevents stale reads after writes."""
