"""Settings: read from the environment, parsed and checked once, before anything starts."""
