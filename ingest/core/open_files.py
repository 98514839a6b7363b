"""The limit of open files: raised as far as the system permits, and what remains for connections."""

from __future__ import annotations

import resource

OTHER_FILES = 32
"""Files that a run has open besides its connections: the warehouse, its logs, a source, libraries, streams."""


def raise_limit(connections: int) -> int:
    """Raise the soft limit of open files for so many connections, at most to the hard limit.

    Returns:
        The soft limit then; it is never lowered.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= connections + OTHER_FILES:
        return soft
    wanted = connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS refuses some values below its hard limit
        return soft
    return wanted


def connections_within_limit(connections: int) -> int:
    """How many of these connections the limit of open files permits; at least one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(min(connections, soft - OTHER_FILES), 1)
