"""Copies over REST: each venue's form becomes levels, and one that cannot be read harms no book."""

import json

import pytest

from arb_pipeline_tests.fixtures.bitstamp import aligned
from arb_pipeline_tests.fixtures.frames import NOW_NS, instrument
from arb_pipeline_tests.fixtures.market import ADDRESS
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.core.units import E8
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import BookCopy, FeedProtocol, HttpRequest
from streaming_worker.protocols.build import build_protocol
from streaming_worker.protocols.copies import DEPTH

NAMED = {"price": "150.01", "size": "2"}
BODIES = {
    "coinbase_advanced": {"pricebook": {"bids": [NAMED], "asks": [{"price": "150.03", "size": "1"}]}, "last": "150"},
    "coinbase_exchange": {"bids": [["150.01", "2", 3]], "asks": [["150.03", "1", 1]], "sequence": 7},
    "gemini": {
        "bids": [{"price": "150.01", "amount": "2", "timestamp": "1"}],
        "asks": [{"price": "150.03", "amount": "1", "timestamp": "1"}],
    },
}
BODIES["gemini_v2"] = BODIES["gemini"]
PATHS = {
    "coinbase_advanced": "/api/v3/brokerage/market/product_book?product_id=SOL-USD&limit=20",
    "coinbase_exchange": "/products/SOL-USD/book?level=2",
    "gemini": "/v1/book/solusd?limit_bids=20&limit_asks=20",
    "gemini_v2": "/v1/book/SOLUSD?limit_bids=20&limit_asks=20",
}


def _asked(name: str) -> tuple[FeedProtocol, str, HttpRequest]:
    venue = Venue(name.partition("_")[0])
    book = instrument(venue, "SOL-USD" if venue is Venue.COINBASE else "SOLUSD")
    protocol = build_protocol(name, feed="feed", instruments=[book])
    protocol.opened(1, NOW_NS)
    protocol.check(book.key, NOW_NS)
    (call,) = protocol.http_requests()
    return protocol, book.key, call


@pytest.mark.parametrize("name", BODIES)
def test_each_venue_gives_copies_in_its_own_form(name: str) -> None:
    protocol, key, call = _asked(name)
    assert (call.path, call.may_fail) == (PATHS[name], True)
    assert protocol.receive_http(call, json.dumps(BODIES[name]).encode(), NOW_NS) == []
    copy = BookCopy(key, [(15_001_000_000, 2 * E8)], [(15_003_000_000, E8)], DEPTH, NOW_NS)
    assert protocol.copies() == [copy]
    assert protocol.copies() == []


def test_only_the_best_levels_are_read() -> None:
    protocol, _, call = _asked("coinbase_exchange")
    bids = [[str(1_000 - number), "1", 1] for number in range(50)]
    protocol.receive_http(call, json.dumps({"bids": bids, "asks": []}).encode(), NOW_NS)
    (copy,) = protocol.copies()
    assert (len(copy.bids), copy.asks) == (DEPTH, [])


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("body", [b"<html>", b"{}", b"\xff", b'{"bids":[["-1","1",1]],"asks":[]}'])
def test_a_copy_that_cannot_be_read_harms_no_book(name: str, body: bytes) -> None:
    protocol, key, call = _asked(name)
    with pytest.raises(FeedFormatError) as caught:
        protocol.receive_http(call, body, NOW_NS)
    assert (caught.value.instrument, caught.value.is_harmless) == (key, True)
    assert protocol.copies() == []


@pytest.mark.parametrize("name", BODIES)
def test_a_new_connection_knows_of_no_call(name: str) -> None:
    protocol, key, call = _asked(name)
    protocol.check(key, NOW_NS)
    protocol.opened(2, NOW_NS)
    assert protocol.http_requests() == []
    with pytest.raises(FeedFormatError, match="no call was asked for"):
        protocol.receive_http(call, json.dumps(BODIES[name]).encode(), NOW_NS)


def test_bitstamp_asks_for_a_whole_copy_and_compares_it_itself() -> None:
    protocol = aligned().protocol
    protocol.http_requests()
    protocol.check("bitstamp:solusd", NOW_NS + 3 * 10**9)
    assert [call.path for call in protocol.http_requests()] == ["/api/v2/order_book/solusd/"]
    protocol.check("bitstamp:solusd", NOW_NS + 3 * 10**9)
    assert protocol.http_requests() == []
    assert protocol.copies() == []


def test_solana_reads_the_pool_again() -> None:
    pool = Pool(venue=Venue.ORCA, address=ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)
    protocol = build_protocol("solana", feed="solana", pools=[pool])
    protocol.opened(1, NOW_NS)
    protocol.http_requests()
    protocol.check(pool.key, NOW_NS)
    assert [call.key for call in protocol.http_requests()] == [f"getMultipleAccounts {pool.key}"]
    assert protocol.copies() == []
