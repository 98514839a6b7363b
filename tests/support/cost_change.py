"""Why a cost changed, in fractions: the parts that `orusage report cost --compare` tells, see docs/reports.md."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

PARTS = ("change", "volume", "mix", "price")


class Request(NamedTuple):
    """What the parts are made of; `key` is its value of the report's dimension."""

    key: object
    model: str | None
    provider: str | None
    cost: Decimal
    is_priced: bool
    tokens: int


def rounded(value):
    """To whole picodollars, halves away from zero."""
    size = int(abs(value) * 10**12 + Fraction(1, 2))
    return Decimal(size if value > 0 else -size).scaleb(-12)


def parts_of(before, now):
    """The change and its parts, by key, and of all together."""
    pieces = defaultdict(lambda: [[0, 0, Fraction(0)], [0, 0, Fraction(0)]])
    for side, requests in enumerate((before, now)):
        for r in requests:
            piece = pieces[r.key, r.model, r.provider, r.is_priced, r.tokens > 0][side]
            piece[0] += 1
            piece[1] += r.tokens if r.is_priced else 0
            piece[2] += Fraction(r.cost)
    counts, tokens = ([sum(sides[side][n] for sides in pieces.values()) for side in (0, 1)] for n in (0, 1))
    earlier, later = tokens if tokens[0] else counts
    rows = defaultdict(lambda: dict.fromkeys(PARTS, Decimal(0)))
    total = dict.fromkeys(PARTS, Decimal(0))
    for (key, _, _, is_priced, has_tokens), ((n0, q0, c0), (n1, q1, c1)) in pieces.items():
        u0, u1 = (q0, q1) if is_priced and has_tokens else (n0, n1)
        change = rounded(c1 - c0)
        volume = rounded(c0 * (later - earlier) / earlier) if earlier else change
        price = rounded(c1) - rounded(c0 * u1 / u0) if u0 and u1 else Decimal(0)
        for row in (rows[key], total):
            for part, value in zip(PARTS, (change, volume, change - volume - price, price), strict=True):
                row[part] += value
    return dict(rows), total
