"""The limit of open files: each socket of an open browser tab counts as one file."""

import resource

MOST = 65_536
LEAST = 10_240  # macOS allows this much, even if it reports "no limit" and refuses MOST


def allow() -> None:
    """Raise the limit of this process and its children as far as the system allows, up to MOST.

    The default of most systems is 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (MOST, LEAST):
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):  # the kernel may refuse although it reports "no limit"
            continue
        return
