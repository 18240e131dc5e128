"""How many files a process may have open: each open tab is one to the system."""

import resource

MOST = 65_536
LEAST = 10_240  # what every macOS allows, whatever it says that the limit is


def allow() -> None:
    """Raise the limit of this process and its children as far as the system lets us. Most systems
    begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (MOST, LEAST):
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # "no limit" may be more than the kernel gives
            continue
        return
