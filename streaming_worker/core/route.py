"""A route: one order book against one pool in one direction, with the unit conversions between them."""

from collections.abc import Collection
from dataclasses import dataclass
from math import isqrt, lcm

from streaming_worker.core.instrument import Instrument, Pool, Registry
from streaming_worker.core.outputs import Direction
from streaming_worker.core.units import E8_DIGITS, ceil_div
from streaming_worker.errors import ConfigError

Q128 = 1 << 128


@dataclass(frozen=True, slots=True)
class Route:
    """Where the base asset is bought and where it is sold.

    Units: ``lot_e8`` is the smallest base step that both legs can trade exactly; ``base_scale`` turns base x 1e8 into
    the pool's smallest unit (numerator, denominator); ``quote_scale`` turns the pool's quote unit into quote x 1e8.
    """

    instrument: Instrument
    pool: Pool
    direction: Direction
    lot_e8: int
    base_scale: tuple[int, int]
    quote_scale: int

    @property
    def key(self) -> str:
        """The identifier of the route."""
        return f"{self.instrument.key}|{self.pool.key}|{self.direction.value}"

    @property
    def buys_on_cex(self) -> bool:
        """Whether the order book is the buying leg."""
        return self.direction is Direction.BUY_CEX_SELL_POOL

    def base_to_raw(self, size_e8: int) -> int:
        """Return a lot-rounded size in the pool's smallest unit; exact by construction of the lot."""
        numerator, denominator = self.base_scale
        return size_e8 * numerator // denominator

    def raw_to_base(self, raw: int) -> int:
        """Return a pool amount as base x 1e8. Rounds: down."""
        numerator, denominator = self.base_scale
        return raw * denominator // numerator

    def pool_value_e8(self, sqrt_price_x64: int, size_e8: int, *, round_up: bool) -> int:
        """Return what ``size_e8`` is worth at the pool's marginal price, before any fee, in quote x 1e8."""
        numerator, denominator = self.base_scale
        product = size_e8 * numerator * sqrt_price_x64 * sqrt_price_x64 * self.quote_scale
        divisor = denominator * Q128
        return ceil_div(product, divisor) if round_up else product // divisor

    def sqrt_price_at(self, price_numerator: int, price_denominator: int) -> int:
        """Return the least Q64.64 square root price whose price is not below a rational quote/base price (1:1)."""
        numerator, denominator = self.base_scale
        square = ceil_div(price_numerator * denominator * Q128, price_denominator * numerator * self.quote_scale)
        root = isqrt(square)
        return root if root * root == square else root + 1


def routes_of(registry: Registry, *, pegged: Collection[str] = ()) -> tuple[Route, ...]:
    """Return every route between a book and a pool of the same base asset, in configured order.

    A book whose sizes are finer than 1e-8 has none, nor has a cross: a book in an asset that has a price of its own
    (SOL-BTC beside BTC-USD) says nothing about a pool in another one. ``pegged``: assets that are counted at par,
    though they may have books.

    Raises: ConfigError when a pool's quote token has more than eight decimals (not exact at 1e8).
    """
    floating = {instrument.base for instrument in registry.instruments.values()} - set(pegged)
    return tuple(
        _route(instrument, pool, direction)
        for instrument in registry.instruments.values()
        for pool in registry.pools.values()
        if instrument.base == pool.base and instrument.size_digits == E8_DIGITS
        if instrument.quote == pool.quote or instrument.quote not in floating
        for direction in Direction
    )


def _route(instrument: Instrument, pool: Pool, direction: Direction) -> Route:
    if pool.quote_decimals > E8_DIGITS:
        raise ConfigError(
            f"pool {pool.key}: expected at most 8 quote decimals, received {pool.quote_decimals}", key="quote_decimals"
        )
    finer = pool.base_decimals >= E8_DIGITS
    scale = (10 ** (pool.base_decimals - E8_DIGITS), 1) if finer else (1, 10 ** (E8_DIGITS - pool.base_decimals))
    return Route(
        instrument=instrument,
        pool=pool,
        direction=direction,
        lot_e8=lcm(instrument.lot_e8, scale[1]),
        base_scale=scale,
        quote_scale=10 ** (E8_DIGITS - pool.quote_decimals),
    )
