"""A book whose sizes are finer than 1e-8 is recorded and shown, but never traded against a pool."""

from arb_pipeline_tests.fixtures.frames import instrument
from arb_pipeline_tests.fixtures.market import settings
from streaming_worker.core.instrument import Registry, Venue
from streaming_worker.core.route import routes_of


def test_a_book_of_a_finer_scale_has_no_route() -> None:
    pool = settings().pools[0]
    plain, finer = (
        instrument(Venue.GEMINI, symbol, size_digits=digits) for symbol, digits in (("SOLUSD", 8), ("SOLX", 10))
    )
    routes = routes_of(Registry.of([plain, finer], [pool]))
    assert {route.instrument.symbol for route in routes} == {"SOLUSD"}
