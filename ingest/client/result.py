"""The result of a call as a value, made for ``match``: ``Ok(value)`` or ``Err(error)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """The call succeeded.

    Attributes:
        value: The decoded answer.
    """

    value: T


@dataclass(frozen=True, slots=True)
class Err(Generic[E]):
    """The call failed.

    Attributes:
        error: The error, as an exception that was not raised.
    """

    error: E
