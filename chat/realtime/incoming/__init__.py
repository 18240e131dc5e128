"""Incoming socket events: parse, check, call a service, acknowledge."""
