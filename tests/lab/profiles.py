"""The servers that the limiter is tuned on. Those not used while it was tuned are in `held_out`."""

from __future__ import annotations

from lab.world import (
    Outage,
    Profile,
    Queue,
    QuotaWindows,
    Rate,
    TokenBucket,
    as_date,
    fixed,
    heavy,
    retry_after,
    spread,
    steady,
    until_the_window_ends,
    wave,
)

from ingest.fetch.ratelimit.controller import Answer


def bucket(rate, burst):
    """A limit at this rate; a number is a steady one."""
    return lambda _: TokenBucket(rate if isinstance(rate, Rate) else steady(rate), burst)


def windows(quota, length):
    """Quota windows that began at a random moment before the run."""
    return lambda random: QuotaWindows(quota, length, random.uniform(0, length))


STEPS = Rate((0, 50), (120, 200), (240, 20), (360, 80))
STEEP = Rate((0, 125), (90, 500), (180, 125), (270, 500))

PROFILES = (
    Profile("steady 1/s", bucket(1, 5), 4000),
    Profile("steady 5/s", bucket(5, 10), 1500),
    Profile("steady 50/s", bucket(50, 50), 600),
    Profile("steady 500/s", bucket(500, 100), 300),
    Profile("steady 2000/s", bucket(2000, 500), 400),
    Profile("burst 5 at 50/s", bucket(50, 5), 600),
    Profile("burst 1000 at 50/s", bucket(50, 1000), 600),
    Profile("windows 1000/60 s", windows(1000, 60), 1200, goodput=0.92),
    Profile(
        "windows 100/10 s, Retry-After", windows(100, 10), 900, goodput=0.92, hints=until_the_window_ends("retry-after")
    ),
    Profile("windows 500/1 s", windows(500, 1), 600, goodput=0.92),
    Profile("steps 50/200/20/80", bucket(STEPS, 20), 480, goodput=0.92),
    Profile("steps 125/500/125/500", bucket(STEEP, 50), 360, goodput=0.92),
    Profile("drift 60 to 140/s", lambda _: TokenBucket(wave(100, 40, 300, 900), 30), 900, goodput=0.95),
    Profile("529 for 60 s, twice", bucket(50, 50), 600, goodput=0.92, outages=(Outage(100, 160), Outage(300, 360))),
    Profile(
        "503 for 90 s, Retry-After 10",
        bucket(100, 50),
        600,
        goodput=0.92,
        outages=(Outage(200, 290, headers={"retry-after": "10"}),),
    ),
    Profile("429 for 60 s", bucket(50, 50), 600, goodput=0.92, outages=(Outage(200, 260, Answer.THROTTLED),)),
    Profile("no answer for 60 s", bucket(50, 50), 600, goodput=0.92, outages=(Outage(200, 260, Answer.FAILED),)),
    Profile("Retry-After 1 at 50/s", bucket(50, 50), 600, hints=retry_after(1)),
    Profile("Retry-After in the past", bucket(50, 50), 600, hints=retry_after("Thu, 01 Jan 1970 00:00:00 GMT")),
    Profile("Retry-After soon", bucket(50, 50), 600, hints=retry_after("soon")),
    Profile("Retry-After 0", bucket(50, 50), 600, hints=retry_after(0)),
    Profile(
        "windows 600/60 s, reset in ms",
        windows(600, 60),
        1200,
        goodput=0.92,
        hints=until_the_window_ends("x-ratelimit-reset"),
    ),
    Profile("latency heavy-tailed", bucket(100, 60), 600, latency=heavy(0.15, 0.8)),
    Profile("latency 2 s", bucket(50, 50), 900, latency=spread(1.5, 2.5)),
    Profile("latency 1 ms", bucket(200, 50), 300, latency=fixed(0.001)),
    Profile("a queue of 20/s, no limit", lambda _: Queue(4, 0.2), 600),
    Profile("a queue of 2/s, no limit", lambda _: Queue(1, 0.5), 1500),
    Profile("two clients at 100/s", bucket(100, 50), 900, starts=(0.0, 0.0), fairness=0.45),
    Profile(
        "clock steps of an hour",
        bucket(50, 50),
        600,
        hints=as_date(0.5),
        clock_steps=((100, 3600), (200, -3600), (300, -3600), (400, 3600)),
    ),
)
