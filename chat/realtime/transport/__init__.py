"""Sockets as bytes: handshakes, frames and queues. It replaces parts of the library for speed."""
