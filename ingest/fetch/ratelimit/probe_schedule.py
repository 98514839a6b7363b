"""When to probe whether the server would give more: seldom enough that probing costs almost nothing.

A probe costs about one rejection, because it ends when the bucket is empty. It has two uses: the rejection measures the
rate again, and a missing rejection shows that the server would give more.
"""

from __future__ import annotations

from dataclasses import dataclass

BUDGET = 0.006
"""Rejections per request that may be spent on probes."""

SAVED = 3.0
"""Rejections that can be saved up."""

FIRST, USUAL, LONG = 30, 150, 600
"""Requests before the first probe of an unknown rate; before any other; and at most, while probes are cheap."""

SECONDS = 6.0
"""Seconds before any probe of a known rate, so that two clients of one limit probe equally often, at any pace."""

EXPENSIVE = 250
"""Requests for each rejection that a probe usually costs, where probes are expensive."""

LEARNING = 6
"""Probes, each twice as far from the last, until the rate counts as known."""

CLOSE_EVERY = 5
CLOSE = 40.0
"""Every `CLOSE_EVERY` probes, one comes after only `CLOSE` margins: in a short time no bucket can overflow unseen."""

AGAIN = 60
"""Requests before the next probe where this one found more than it should have."""

SLACK = 0.05
"""Share of the rate left unused between two probes, for other clients, as far as the bucket can store it meanwhile."""

REST, LEARNING_REST = 100, 10
"""Requests for each token that a rejection's pause cost: before any probe, and while the rate is being learned."""


@dataclass(slots=True)
class ProbeSchedule:
    """The probes of one limiter.

    Attributes:
        since: Requests since the last rejection.
        interval: Requests between it and the next probe.
        slack: Share of the rate that is left unused meanwhile.
        is_close: Whether the next probe is a close one.
        pause_cost: Tokens lost in the pause that the server asked for with its last rejections.
    """

    since: int = 0
    interval: float = FIRST
    slack: float = 0.0
    is_close: bool = False
    pause_cost: float = 0.0
    _debt: float = 0.0
    _cost: float = 1.0
    _spent: int = 0
    _probes: int = 0
    _is_again: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to probe."""
        return self.since >= self.interval

    @property
    def has_measured(self) -> bool:
        """Whether any probe has confirmed the rate."""
        return self._probes > 0

    def sent(self) -> None:
        """A request goes out."""
        self.since += 1
        self._debt = max(self._debt - BUDGET, -SAVED)

    def rejected(self) -> None:
        """A request was rejected."""
        self._debt += 1
        self._spent += 1

    def begin_anew(self) -> None:
        """Nothing is known about the rate."""
        self.since, self.interval, self._probes, self._spent = 0, FIRST, 0, 0
        self._debt = min(self._debt, 0.0)

    def rate_changed(self) -> None:
        """The rate has changed: what it cost to find that out does not delay the next probe."""
        self._probes, self._spent = 0, 0
        self._debt = min(self._debt, SAVED)

    def confirmed(self) -> None:
        """The rate has not changed."""
        self._probes += 1

    def ended(self) -> None:
        """A probe ended: remember what it cost."""
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
        probed: bool,
        found_more: bool,
    ) -> None:
        """Set the next probe.

        Args:
            taken: Requests taken between the last two rejections.
            rate: Requests per second.
            in_flight: Requests usually under way.
            margin: Tokens that noise may hide.
            spare: Tokens that the bucket can store for us beyond that.
            probed: Whether the last rejection ended a probe, and was not unexpected.
            found_more: Whether more was taken than noise explains.
        """
        affordable = min(self._debt / BUDGET, max(LONG, EXPENSIVE * self._cost))
        usual = max(affordable, USUAL, REST * self.pause_cost, 4 * in_flight, SECONDS * rate)
        soon = max(2 * taken, FIRST, LEARNING_REST * self.pause_cost)
        self.interval = min(soon, usual) if self._probes < LEARNING else usual
        self._is_again = found_more and not self._is_again
        if self._is_again:
            self.interval = AGAIN
        is_known = self._probes >= LEARNING - 1
        self.is_close = probed and is_known and not self.is_close and self._probes % CLOSE_EVERY == 0
        if self.is_close:
            self.interval = min(self.interval, CLOSE * margin)
        self.slack = min(SLACK, max(spare, 0.0) / 2 / self.interval) if is_known and not self.is_close else 0.0
