"""The result of a call as a value, made for ``match``: ``Ok(value)`` or ``Err(error)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """The call succeeded.

    Attributes:
        ok: True, which tells it from `Err`, also to type checkers.
        value: The decoded answer.
    """

    ok: ClassVar[Literal[True]] = True

    value: T


@dataclass(frozen=True, slots=True)
class Err(Generic[E]):
    """The call failed.

    Attributes:
        ok: False, which tells it from `Ok`, also to type checkers.
        error: The error, as an exception that was not raised.
    """

    ok: ClassVar[Literal[False]] = False

    error: E
