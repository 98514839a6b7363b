"""The limiter against servers that limit, fail and recover, in virtual time, compared with the textbook's policies.

    python tests/bench/bench_limiter.py [--seeds 20] [--others 3] [NAME…]

One line a profile: goodput (requests taken, of those the server would have given, its burst and our start included),
waste (answers 429, 503 and 529 per request, outage probes left out), each as the mean over the seeds and the worst of
them; then requests sent inside a hint, the smaller client's share, and the recovery from an outage. A `!` marks a mean
outside the profile's band. The held-out profiles were written before the limiter, and not used while it was tuned.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))
from lab.alternatives import ALTERNATIVES
from lab.held_out import HELD_OUT
from lab.profiles import PROFILES
from lab.world import World

from ingest.fetch.ratelimit.controller import RateController

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from lab.world import Figures, Policy, Profile


def runs(profile: Profile, policy: Callable[[Random], Policy], seeds: int) -> list[Figures]:
    return [World(profile, policy, seed).run() for seed in range(seeds)]


def ours(profile: Profile, seeds: int) -> str:
    figures = runs(profile, lambda _: RateController(), seeds)
    goodput, waste = mean(f.goodput for f in figures), mean(f.waste for f in figures)
    share, recovery = mean(f.share for f in figures), max(f.recovery for f in figures)
    missed = goodput < profile.goodput or waste > profile.waste or share < profile.fairness or recovery > 60
    cells = [
        f"{goodput:6.3f} (worst {min(f.goodput for f in figures):.3f}, band {profile.goodput:.2f})",
        f"{waste:6.2%} (worst {max(f.waste for f in figures):.2%})",
        f"{sum(f.early for f in figures)} early",
        f"share {share:.2f} (worst {min(f.share for f in figures):.2f})" if len(profile.starts) > 1 else "",
        f"back in {recovery:.0f} s" if profile.outages else "",
    ]
    return f"{profile.name:36}{'!' if missed else ' '} {'  '.join(filter(None, cells))}"


def others(profile: Profile, seeds: int) -> str:
    cells = []
    for make in ALTERNATIVES.values():
        figures = runs(profile, make, seeds)
        cells.append(f"{mean(f.goodput for f in figures):.3f}/{mean(f.waste for f in figures):6.2%}")
    return f"{profile.name:36}  " + "  ".join(f"{c:>14}" for c in cells)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only profiles whose name contains one of these")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--others", type=int, default=3, help="seeds for the textbook's policies; 0: without them")
    options = parser.parse_args()
    for title, profiles in (("tuned on", PROFILES), ("held out", HELD_OUT)):
        chosen = [p for p in profiles if not options.names or any(n in p.name for n in options.names)]
        print(f"\nours, {title}, {options.seeds} seeds: goodput, waste")
        for profile in chosen:
            print(ours(profile, options.seeds), flush=True)
        if options.others:
            print(f"\nthe others, goodput/waste, {options.others} seeds")
            print(" " * 38 + "  ".join(f"{name:>14}" for name in ALTERNATIVES))
            for profile in chosen:
                print(others(profile, options.others), flush=True)


if __name__ == "__main__":
    main()
