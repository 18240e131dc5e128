"""A clock that a test moves."""


class Clock:
    """Stands for the module ``time`` where only the monotonic clock is asked."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Seconds, as the test says."""
        return self.now
