"""Trades chosen by tag: the tags are ours, the trades the record's."""

import anyio.to_thread

from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.trades import TradeQuery
from streaming_worker.api.services import Services


async def tagged_listing(parts: Services, query: TradeQuery) -> Listing:
    """Return a query for trades as SQL, with those that have its tag where one is asked for."""
    tag = query.chosen.tag
    tagged = None if tag is None else await anyio.to_thread.run_sync(parts.annotations.trades_of, tag)
    return query.listing(parts.view, parts.markets, tagged)
