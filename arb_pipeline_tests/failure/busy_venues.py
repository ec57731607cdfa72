"""The local venues, ten times as busy as the demo's, until they are killed. Argument: the first of their ports."""

import asyncio
import sys

import uvloop

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.sandbox.market.spec import Pace
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox

BUSY = Pace(batch_ns=8 * NANOS_PER_MILLISECOND, most_levels=60, batches_per_trade=14)


async def main() -> None:
    clock = AnchoredClock()
    market = Market.start(seed=11, start_ns=clock.now_ns(), pace=BUSY)
    async with Sandbox(clock=clock.now_ns, market=market, base_port=int(sys.argv[1])) as sandbox:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.gather(sandbox.wait())


if __name__ == "__main__":
    uvloop.run(main())
