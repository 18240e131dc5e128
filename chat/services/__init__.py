"""All writes that other people must see: check, write (models), then announce (broadcasts)."""
