"""The local venues with an opportunity every few seconds, until they are ended. Argument: the first of their ports."""

import asyncio
import sys

import uvloop

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.market.spec import DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox

LIVELY = DislocationSpec(mean_interval_ns=4 * NANOS_PER_SECOND)


async def main() -> None:
    clock = AnchoredClock()
    market = Market.start(seed=5, start_ns=clock.now_ns(), spec=default_market(dislocations=LIVELY))
    async with Sandbox(clock=clock.now_ns, market=market, base_port=int(sys.argv[1])) as sandbox:
        await asyncio.gather(sandbox.wait())


if __name__ == "__main__":
    uvloop.run(main())
