"""Servers written before the limiter, and not used while it was tuned. They are reported separately."""

from __future__ import annotations

from lab.profiles import bucket, windows
from lab.world import Outage, Profile, Rate, TokenBucket, fixed, heavy, retry_after, spread, until_the_window_ends

from ingest.fetch.ratelimit.controller import Answer


def _walk(random):
    """A rate that is drawn anew every 45 s, at most a third up or down from the last."""
    rate, steps = 80.0, []
    for start in range(0, 900, 45):
        steps.append((start, rate))
        rate = min(max(rate * random.uniform(2 / 3, 4 / 3), 20.0), 300.0)
    return TokenBucket(Rate(*steps), 40)


FLAPPING = tuple(Outage(60.0 + 100 * n, 80.0 + 100 * n) for n in range(5))

HELD_OUT = (
    Profile("steady 20/s, heavy tail", bucket(20, 40), 900, latency=heavy(0.3, 1.0)),
    Profile("steady 300/s, burst 3000", bucket(300, 3000), 300, latency=spread(0.1, 0.3)),
    Profile("steady 12/s, burst 3", bucket(12, 3), 900, latency=fixed(0.25)),
    Profile(
        "windows 600/30 s, reset in ms",
        windows(600, 30),
        900,
        goodput=0.92,
        hints=until_the_window_ends("x-ratelimit-reset"),
    ),
    Profile("windows 60/5 s, no hints", windows(60, 5), 900, goodput=0.92),
    Profile("steps 100/25/100/400", bucket(Rate((0, 100), (120, 25), (240, 100), (360, 400)), 60), 480, goodput=0.92),
    Profile("a random walk", _walk, 900, goodput=0.92),
    Profile("529 for 20 s, five times", bucket(60, 30), 600, goodput=0.92, outages=FLAPPING),
    Profile("two clients, one comes late", bucket(60, 30), 1200, starts=(0.0, 120.0), fairness=0.45),
    Profile(
        "429 with Retry-After 30, then 503",
        bucket(80, 40),
        900,
        goodput=0.92,
        hints=retry_after(0.2),
        outages=(Outage(200, 290, Answer.THROTTLED, {"retry-after": "30"}), Outage(500, 560)),
    ),
)
