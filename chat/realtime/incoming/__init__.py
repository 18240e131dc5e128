"""What browsers send over the socket: parse, check, ask a service, acknowledge."""
