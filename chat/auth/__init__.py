"""Who is asking, what that person may see and do, and their passwords."""
