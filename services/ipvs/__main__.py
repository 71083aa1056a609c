"""`python -m services.ipvs`: the ipvs service."""

from __future__ import annotations

import asyncio

from services.common.options import Options
from services.common.serve import run


async def main(options: Options, stop: asyncio.Event) -> None:
    """Keep the kernel's table until `stop`; it stays as it is then."""
    from services.ipvs.agent import Agent

    await Agent(options).run(stop)


if __name__ == "__main__":
    raise SystemExit(run("ipvs", main))
