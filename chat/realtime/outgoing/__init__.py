"""Outgoing socket events, and the rooms that decide which sockets get them."""
