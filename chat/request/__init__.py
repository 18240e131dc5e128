"""What is known about the request or the socket event in hand: its caller and its turn."""
