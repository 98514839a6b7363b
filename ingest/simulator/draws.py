"""Numbers that are the same on every machine for the same seed, subject and purpose."""

from __future__ import annotations

from hashlib import blake2b


def number(seed: int, subject: str, purpose: str) -> int:
    """A 64-bit number that is the same on every machine for the same seed, subject and purpose."""
    return int.from_bytes(blake2b(f"{seed}|{purpose}|{subject}".encode(), digest_size=8).digest())


def unit_interval(drawn: int) -> float:
    """A 64-bit number as one from 0 to 1."""
    return drawn / 2**64
