"""A call's two ends as values, made for ``match``: ``Ok(value)`` or ``Err(error)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """It went well.

    Attributes:
        value: What came back.
    """

    value: T


@dataclass(frozen=True, slots=True)
class Err(Generic[E]):
    """It did not.

    Attributes:
        error: Why; an exception that was not raised.
    """

    error: E
