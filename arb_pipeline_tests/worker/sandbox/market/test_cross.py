"""The cross SOL-BTC: it stands where the two USD books say, but for the times that it is told to leave."""

import json

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.faces.coinbase_exchange import CoinbaseExchangeFace
from streaming_worker.sandbox.faces.coinbase_rest import CoinbaseRest
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.spec import COINBASE, DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market

START_NS = 1_767_268_800 * NANOS_PER_SECOND
QUIET = DislocationSpec(mean_interval_ns=0)


@pytest.fixture
def market() -> Market:
    """A market in which only the cross ever leaves."""
    return Market.start(seed=7, start_ns=START_NS, spec=default_market(extra_books=True, dislocations=QUIET))


def mid(book: BookModel | None) -> float:
    assert book is not None
    return (book.bids.best + book.asks.best) / 2 / 10**book.spec.price_decimals


def away_bps(market: Market) -> float:
    """Return how far the cross is from what the USD books say."""
    sol, btc, cross = (mid(market.book(COINBASE, symbol)) for symbol in ("SOL-USD", "BTC-USD", "SOL-BTC"))
    return (cross * btc / sol - 1) * 10_000


def test_the_cross_leaves_when_its_schedule_says_so_and_stands_with_the_others_else(market: Market) -> None:
    assert market.crosses is not None
    calm, moved = [], []
    for second in range(1, 500):
        now_ns = START_NS + second * NANOS_PER_SECOND
        market.step(now_ns)
        active = market.crosses.active
        if active is None and not any(past.end_ns > now_ns - 2 * NANOS_PER_SECOND for past in market.crosses.past):
            calm.append(abs(away_bps(market)))
        elif active is not None and active.start_ns < now_ns - NANOS_PER_SECOND:
            moved.append(away_bps(market) / active.size_bps)
    assert len(moved) >= 3
    assert sorted(calm)[len(calm) // 2] < 5
    assert sorted(moved)[len(moved) // 2] == pytest.approx(1, abs=0.15)
    assert market.dislocations.count == 0


def test_the_usd_books_do_not_feel_it(market: Market) -> None:
    plain = Market.start(seed=7, start_ns=START_NS, spec=default_market(dislocations=QUIET))
    end_ns = START_NS + 60 * NANOS_PER_SECOND
    market.step(end_ns)
    plain.step(end_ns)
    for book in plain.books:
        assert market.book(*book.key).bids.levels == book.bids.levels  # type: ignore[union-attr]  # it has them all


def test_its_schedule_goes_on_in_another_process(market: Market) -> None:
    market.step(START_NS + 150 * NANOS_PER_SECOND)
    other = Market.load(market.dump())
    for one in (market, other):
        one.step(START_NS + 200 * NANOS_PER_SECOND)
    assert other.crosses is not None
    assert market.crosses is not None
    assert other.crosses.past == market.crosses.past
    assert other.dump() == market.dump()


def test_a_state_from_before_there_were_crosses_is_taken() -> None:
    plain = Market.start(seed=7, start_ns=START_NS)
    state = json.loads(plain.dump())
    del state["crosses"]
    assert Market.load(json.dumps(state).encode()).crosses is None


def test_coinbase_lists_it_without_a_view_in_usdc(market: Market) -> None:
    answer = CoinbaseRest(market).answer(
        HttpCall(key="k", method="GET", path="/api/v3/brokerage/market/products", body=b""), START_NS
    )
    products = {product["product_id"]: product for product in json.loads(answer.body)["products"]}
    assert {"SOL-USD", "SOL-USDC", "BTC-USD", "BTC-USDC", "SOL-BTC"} <= set(products)
    cross = products["SOL-BTC"]
    assert (cross["quote_currency_id"], cross["quote_name"], cross["alias_to"]) == ("BTC", "Bitcoin", [])
    assert cross["price_increment"] == "0.0000001"
    call = HttpCall(key="k", method="GET", path="/products", body=b"")
    listed = {one["id"]: one for one in json.loads(CoinbaseExchangeFace(market).answer(call, START_NS).body)}
    assert (listed["SOL-BTC"]["quote_currency"], listed["SOL-BTC"]["display_name"]) == ("BTC", "SOL/BTC")
