"""How much longer does a failover take when the new master has a thousand addresses to install? As `failover`, with these.

One address is in the adverts, the others are `virtual_ipaddress_excluded`: an advert cannot list as many.
"""

from __future__ import annotations

from typing import Any

from tests.bench import failover

BAR = 0.5  # ms beyond the floor: the first advert's p50; its p99 is to be at most keepalived's


def run(kills: int = 20, intervals: tuple[float, ...] = (1.0, 0.1), addresses: int = 1_000) -> dict[str, Any]:
    """Milliseconds beyond the floor per interval and program, the ratios, and whether the first advert is within the bars."""
    found = failover.run(kills, intervals, addresses - 1)
    verdicts = [_verdict(found["rows"], interval) for interval in intervals]
    print("\n".join(verdicts) + "\n")
    return found | {"verdicts": verdicts}


def _verdict(rows: list[dict[str, Any]], interval: float) -> str:
    adverts = {row["program"]: row for row in rows if (row["interval"], row["first"]) == (interval, "advert")}
    ours, theirs = adverts["vipkeeper"], adverts["keepalived"]
    within = ours["p50"] <= BAR and ours["p99"] <= theirs["p99"]
    return (
        f"first advert at {interval:g} s: p50 {ours['p50']:.3f} ms (bar {BAR:g}), p99 {ours['p99']:.3f} ms"
        f" (bar: keepalived's {theirs['p99']:.3f}){'' if within else ' ABOVE THE BAR'}"
    )
