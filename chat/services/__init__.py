"""Every write that other people must see: check, write (models), then tell (broadcasts)."""
