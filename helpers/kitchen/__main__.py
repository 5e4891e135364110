"""The kitchen as a program: `python -m helpers.kitchen --port 8080`, until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import ipaddress
import math
import signal
import sys
from typing import Any

from helpers.kitchen.evening import Supplier
from helpers.kitchen.service import Kitchen
from helpers.run import record


async def _serve(supplier: Supplier, close: list[Any], settings: Any) -> Kitchen:
    async with supplier, Kitchen(supplier.url, **settings) as kitchen:
        close += [asyncio.get_running_loop().call_soon_threadsafe, kitchen.full.set]
        print(f"The kitchen is open at {kitchen.url}", flush=True)
        await kitchen.full.wait()
    return kitchen


def main() -> None:
    """Serve until a signal comes, print what was done, and save the trace."""
    options = argparse.ArgumentParser(prog="python -m helpers.kitchen", description=__doc__)
    options.add_argument("--port", type=int, default=0, help="by default a free one")
    options.add_argument("--host", type=ipaddress.IPv4Address, default="127.0.0.1")
    options.add_argument("--delay", type=float, default=0.02, help="of the supplier, in seconds")
    options.add_argument("--most", type=int, default=20_000, help="requests, then it closes")
    options.add_argument("--trace", default="kitchen.perfetto.json", help="where to save the run")
    given = options.parse_args()
    if not given.host.is_loopback:
        print(f"Anybody who reaches {given.host} can send requests now.", file=sys.stderr)
    settings = {"host": str(given.host), "port": given.port, "most": given.most}
    close: list[Any] = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: close[0](close[1]) if close else sys.exit(1))
    serving = _serve(Supplier(given.delay), close, settings)
    trace = asyncio.run(record(serving, clock="real", max_steps=sys.maxsize, max_seconds=math.inf))
    ended = ", ".join(f"{n} x {outcome}" for outcome, n in sorted(trace.result.outcomes.items()))
    print(f"{trace.result.accepted} requests: {ended or 'nobody came'}")
    print(*trace.findings, f"The run is in {trace.save(given.trace)}", sep="\n")


if __name__ == "__main__":
    main()
