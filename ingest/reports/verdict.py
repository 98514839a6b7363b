"""Whether the bill is explained: how much of what OpenRouter charged is ingested, and what the rest is.

Differences of one model are added up over all days, so that what counts on either side of a midnight cancels out; an
excess of one model never makes up for what another lacks. Only where Analytics tells more than Activity, which left
out whole models before, what is known beyond Activity explains it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

HALF_A_CENT = Decimal("0.005")
"""What is less is a matter of rounding."""

ALMOST_ALL = Decimal("99.9")
"""What is shown at most of a share that is not whole, in per cent."""

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Sum:
    """One measure over a period: credits, BYOK inference, or requests.

    Attributes:
        billed: What OpenRouter tells.
        missing: What of it is not known, over all models that lack some; at least 0.
        excess: What is known beyond what OpenRouter tells, over all models that have some; at least 0.
        unlisted: What Analytics tells beyond Activity; at least 0.
    """

    billed: Decimal
    missing: Decimal
    excess: Decimal
    unlisted: Decimal

    @property
    def explained(self) -> Decimal:
        """What of `billed` is known."""
        return self.billed - self.missing

    @property
    def coverage(self) -> Decimal | None:
        """`explained` as a share of `billed`, 1 if less than half a cent is missing; None if nothing was billed."""
        if self.missing < HALF_A_CENT:
            return Decimal(1) if self.billed > 0 else None
        return max(self.explained / self.billed, NOTHING) if self.billed > 0 else NOTHING


@dataclass(frozen=True, slots=True)
class Unlogged:
    """Generations that no log named.

    Attributes:
        label: What they have in common: the label of their API key, or their model; None if it has no name.
        count: How many there are.
        usage: What they were charged, in USD.
    """

    label: str | None
    count: int
    usage: Decimal


class UnsettledIds(NamedTuple):
    """IDs of the ledger that are not settled.

    Attributes:
        pending: Those that are asked again.
        dead: Those that were given up.
        expected: Those of both that are certain to be generations: all that are pending, and all that OpenRouter named.
    """

    pending: int = 0
    dead: int = 0
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reconciliation found.

    Attributes:
        credits: Charged to credits.
        byok: BYOK inference.
        requests: Requests.
        by_key: Generations that only OpenRouter named (`orusage discover`), by the label of their key.
        by_model: What is missing beyond those, by model.
        unsettled: IDs that are known and not settled.
    """

    credits: Sum
    byok: Sum
    requests: Sum
    by_key: tuple[Unlogged, ...]
    by_model: tuple[Unlogged, ...]
    unsettled: UnsettledIds

    @property
    def coverage(self) -> Decimal | None:
        """The smaller of the coverages of credits and of BYOK; None if nothing was billed."""
        return min((s.coverage for s in (self.credits, self.byok) if s.coverage is not None), default=None)

    @property
    def unlogged(self) -> int:
        """How many generations no log named: those that OpenRouter named, and those that are missing."""
        discovered = sum(each.count for each in self.by_key)
        return discovered + max(int(self.requests.missing) - self.unsettled.expected, 0)

    def is_below(self, share: Decimal) -> bool:
        """Whether less than this share is explained."""
        return self.coverage is not None and self.coverage < share


def verdict_of(models: pl.DataFrame, days: pl.DataFrame, unlogged: pl.DataFrame, unsettled: UnsettledIds) -> Verdict:
    """The verdict on a period.

    Args:
        models: Rows of ``billing/models``: both sides by model, on days that Activity answered for.
        days: Rows of ``billing/days``: the totals of all days.
        unlogged: Rows of ``billing/unlogged``: generations that only OpenRouter named, by the label of their key.
        unsettled: IDs of the period that are not settled.
    """
    charged = _sum(models, days, "usage", "credits_usage")
    byok = _sum(models, days, "byok_usage", "byok_usage")
    requests = _sum(models, days, "requests", "request_count")
    by_key = [Unlogged(label, ids, usage) for label, ids, _, usage in unlogged.rows()]
    return Verdict(charged, byok, requests, tuple(by_key), tuple(_missing_models(models)), unsettled)


def _sum(models: pl.DataFrame, days: pl.DataFrame, told: str, known: str) -> Sum:
    """Of one measure: `told` ends the names of OpenRouter's columns, `known` is the name of ours."""
    activity, analytics = f"activity_{told}", f"analytics_{told}"
    midnight = f"midnight_{told}" if f"midnight_{told}" in models.columns else None
    lacks = [
        _beyond_midnight(row[f"missing_{told}"], row[midnight] if midnight else None)
        for row in models.iter_rows(named=True)
    ]
    both = [row for row in days.iter_rows(named=True) if row[activity] is not None]
    alone = [row for row in days.iter_rows(named=True) if row[activity] is None and row[analytics] is not None]
    lacks.append(_total(row[analytics] for row in alone) - _total(row[known] for row in alone))
    unlisted = max(_total(row[analytics] - row[activity] for row in both if row[analytics] is not None), NOTHING)
    excess = -_total(lack for lack in lacks if lack < 0)
    missing = _total(lack for lack in lacks if lack > 0) + max(unlisted - excess, NOTHING)
    billed = _total(row[activity] for row in both) + unlisted + _total(row[analytics] for row in alone)
    return Sum(billed, missing, max(excess - unlisted, NOTHING), unlisted)


def _beyond_midnight(missing: Decimal | int | None, midnight: Decimal | int | None) -> Decimal:
    """What is missing, but for what OpenRouter may count on these days and we on the ones before or after."""
    lack, allowed = Decimal(missing or 0), Decimal(midnight or 0)
    if lack > 0:
        return max(lack - max(allowed, NOTHING), NOTHING)
    return min(lack - min(allowed, NOTHING), NOTHING)


def _total(amounts: Iterable[Decimal | int | None]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts if amount is not None), start=NOTHING)


def _missing_models(models: pl.DataFrame) -> Sequence[Unlogged]:
    """The models that lack requests, the most first."""
    lacking = [
        Unlogged(row["model"], int(lack), Decimal(row["missing_usage"] or 0))
        for row in models.iter_rows(named=True)
        if (lack := _beyond_midnight(row["missing_requests"], row["midnight_requests"])) > 0
    ]
    return sorted(lacking, key=lambda each: (-each.count, each.label or ""))


def share_text(coverage: Decimal) -> str:
    """A share as per cent; only what is whole reads 100.00 %."""
    if coverage == 1:
        return "100.00 %"
    percent = (100 * coverage).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{min(percent, ALMOST_ALL):.1f} %"
