"""Errors and their exit codes.

The tree::

    OrusageError                 1   unexpected
    ├── LibraryFailedError       1   a library failed by an exception that is no `Exception`
    ├── UsageError               2   the command line is wrong
    ├── UnexpectedInputError    65   input or answers do not have the expected form
    ├── NoInputError            66   no source was readable, or there is nothing to work on
    ├── UnreachableError        69   the API cannot be reached
    ├── CannotCreateError       73   an output cannot be created
    ├── StorageError            74   disk full or another I/O error
    ├── TryAgainLaterError      75   locked, throttled with nothing fetched, or out of credits
    ├── KeyRefusedError         77   the key is missing or refused
    ├── ConfigurationError      78   configuration, or a schema newer than the tool
    └── InterruptedRunError    130   a signal ended the run; 143 for SIGTERM

Codes from 64 up are those of BSD's ``sysexits.h``, so that a scheduler can tell "retry later" (75) from "needs a
person" (77, 78). An error is printed as three lines: what happened, the cause, and the fix.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the process; the README documents them."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    PARTIAL = 3
    UNEXPECTED_INPUT = 65
    NO_INPUT = 66
    UNREACHABLE = 69
    CANNOT_CREATE = 73
    STORAGE = 74
    TRY_AGAIN_LATER = 75
    KEY_REFUSED = 77
    CONFIGURATION = 78
    INTERRUPTED = 130
    TERMINATED = 143


class OrusageError(Exception):
    """An error that a user can act on.

    Args:
        what: What happened: one sentence without a full stop.
        cause: Why it happened.
        fix: What to do about it.

    Attributes:
        excerpt: Lines of the user's own text that show the place; printed below the cause.
    """

    code: Exit = Exit.UNEXPECTED
    excerpt: tuple[str, ...] = ()

    def __init__(self, what: str, *, cause: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  cause: {self.cause}\n  fix:   {self.fix}"


class LibraryFailedError(OrusageError):
    """A library failed by an exception that is no `Exception`, as a panic of polars is.

    Args:
        failure: The library's exception.
    """

    def __init__(self, failure: BaseException) -> None:
        super().__init__(
            "a library failed",
            cause=f"{type(failure).__name__}: {failure}",
            fix="run the same command again: what was committed is safe; if it fails again, report what --debug prints",
        )


def is_failure_of_library(error: BaseException) -> bool:
    """Whether an exception is none of Python's own ways to end a program, but derived like them from BaseException."""
    return not isinstance(error, Exception) and type(error).__module__ not in ("builtins", "asyncio.exceptions")


class UsageError(OrusageError):
    """The command line is wrong."""

    code = Exit.USAGE


class UnexpectedInputError(OrusageError):
    """Input or answers do not have the expected form."""

    code = Exit.UNEXPECTED_INPUT


class NoInputError(OrusageError):
    """No source was readable, or there is nothing to work on."""

    code = Exit.NO_INPUT


class UnreachableError(OrusageError):
    """The API cannot be reached."""

    code = Exit.UNREACHABLE


class CannotCreateError(OrusageError):
    """An output cannot be created."""

    code = Exit.CANNOT_CREATE


class StorageError(OrusageError):
    """The disk is full, or reading or writing it failed."""

    code = Exit.STORAGE


class TryAgainLaterError(OrusageError):
    """The same command will work later: locked, throttled, or out of credits."""

    code = Exit.TRY_AGAIN_LATER


class KeyRefusedError(OrusageError):
    """The API key is missing or refused."""

    code = Exit.KEY_REFUSED


class ConfigurationError(OrusageError):
    """A setting is wrong, or the warehouse was written by a newer version."""

    code = Exit.CONFIGURATION


class InterruptedRunError(OrusageError):
    """A signal ended the run; what was fetched is stored.

    Args:
        number: The signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(
            "interrupted",
            cause=f"signal {number}",
            fix="run the same command again: what was fetched is stored, the rest follows",
        )
        self.code = Exit(128 + number)
