"""When to look whether the server would give more: seldom enough that looking is nearly free.

A look costs about one rejection, for it ends when the bucket is empty. It pays twice: the rejection measures the rate
anew, and its absence shows that there is more to be had.
"""

from __future__ import annotations

from dataclasses import dataclass

BUDGET = 0.006
"""Rejections per request that may be spent on looking."""

SAVED = 3.0
"""Rejections that can be saved up."""

FIRST, USUAL, LONG = 30, 150, 600
"""Requests before the first look at an unknown rate; before any other; and at most, while looks are cheap."""

SECONDS = 6.0
"""Before any look at a known rate, so that two clients of one limit look equally often, whoever is faster."""

DEAR = 250
"""Requests for each rejection that a look usually costs, where looks are dear."""

LEARNING = 6
"""Looks, each twice as far from the last, until the rate counts as known."""

CLOSE_EVERY = 5
CLOSE = 40.0
"""Every so many looks, one comes after so many margins only: over a short while no bucket can flow over unseen."""

AGAIN = 60
"""Requests before the next look where this one found more than it should have."""

SLACK = 0.05
"""Share of the rate that is left to others between two looks, as far as the bucket can keep it for us meanwhile."""

REST, LEARNING_REST = 100, 10
"""Requests for each token that a rejection's pause cost: before any look, and while the rate is being learnt."""


@dataclass(slots=True)
class ProbeSchedule:
    """The looks of one limiter.

    Attributes:
        since: Requests since the last rejection.
        interval: Requests between it and the next look.
        slack: Share of the rate that is left unused meanwhile.
        is_close: Whether the next look is a close one.
        pause_cost: Tokens lost in the pause that the last rejections asked for.
    """

    since: int = 0
    interval: float = FIRST
    slack: float = 0.0
    is_close: bool = False
    pause_cost: float = 0.0
    _debt: float = 0.0
    _cost: float = 1.0
    _spent: int = 0
    _looks: int = 0
    _is_again: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to look."""
        return self.since >= self.interval

    @property
    def has_measured(self) -> bool:
        """Whether any look has confirmed the rate."""
        return self._looks > 0

    def sent(self) -> None:
        """A request goes out."""
        self.since += 1
        self._debt = max(self._debt - BUDGET, -SAVED)

    def rejected(self) -> None:
        """One was rejected."""
        self._debt += 1
        self._spent += 1

    def begin_anew(self) -> None:
        """Nothing is known of the rate."""
        self.since, self.interval, self._looks, self._spent = 0, FIRST, 0, 0
        self._debt = min(self._debt, 0.0)

    def rate_changed(self) -> None:
        """The rate has become another: what finding that out cost is no reason not to look."""
        self._looks, self._spent = 0, 0
        self._debt = min(self._debt, SAVED)

    def confirmed(self) -> None:
        """It has not."""
        self._looks += 1

    def looked(self) -> None:
        """A look came to its end: remember what it cost."""
        self._cost += 0.2 * (self._spent - self._cost)
        self._spent = 0

    def plan(
        self,
        taken: int,
        rate: float,
        in_flight: float,
        margin: float,
        spare: float,
        *,
        looked: bool,
        found_more: bool,
    ) -> None:
        """Set the next look.

        Args:
            taken: Requests taken between the last two rejections.
            rate: Requests per second.
            in_flight: Requests usually under way.
            margin: Tokens that noise may hide.
            spare: Tokens that the bucket can keep for us beyond that.
            looked: Whether the last rejection ended a look, and did not come of itself.
            found_more: Whether more was taken than noise explains.
        """
        dear = min(self._debt / BUDGET, max(LONG, DEAR * self._cost))
        usual = max(dear, USUAL, REST * self.pause_cost, 4 * in_flight, SECONDS * rate)
        soon = max(2 * taken, FIRST, LEARNING_REST * self.pause_cost)
        self.interval = min(soon, usual) if self._looks < LEARNING else usual
        self._is_again = found_more and not self._is_again
        if self._is_again:
            self.interval = AGAIN
        is_known = self._looks >= LEARNING - 1
        self.is_close = looked and is_known and not self.is_close and self._looks % CLOSE_EVERY == 0
        if self.is_close:
            self.interval = min(self.interval, CLOSE * margin)
        self.slack = min(SLACK, max(spare, 0.0) / 2 / self.interval) if is_known and not self.is_close else 0.0
