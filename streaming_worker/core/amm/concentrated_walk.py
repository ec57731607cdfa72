"""The running state of a swap through one pool of the Uniswap v3 family: step by step from stop to stop.

Knows no tick search and no limits: those differ between designs and stay in their modules.
"""

from streaming_worker.core.amm.concentrated_math import U128_MAX, NumberFormat, swap_step
from streaming_worker.errors import MathRangeError


class ConcentratedWalk:
    """Amounts, price, liquidity, fee growth and fee shares of one swap, on the pool's side."""

    __slots__ = (
        "_a_to_b",
        "_exact_in",
        "_format",
        "_protocol_share",
        "_second_share",
        "calculated",
        "fee",
        "fee_growth",
        "liquidity",
        "protocol_fee",
        "remaining",
        "second_fee",
        "sqrt_price",
        "tick_index",
        "ticks_crossed",
    )

    def __init__(
        self,
        number_format: NumberFormat,
        *,
        amount: int,
        exact_in: bool,
        a_to_b: bool,
        sqrt_price: int,
        liquidity: int,
        tick_index: int,
        fee_growth: int,
        protocol_share: tuple[int, int],
        second_share: tuple[int, int] = (0, 1),
    ) -> None:
        self._format = number_format
        self._exact_in = exact_in
        self._a_to_b = a_to_b
        self._protocol_share = protocol_share
        self._second_share = second_share
        self.remaining = amount
        self.calculated = 0
        self.fee = 0
        self.protocol_fee = 0
        self.second_fee = 0
        self.sqrt_price = sqrt_price
        self.liquidity = liquidity
        self.tick_index: int | None = tick_index
        self.fee_growth = fee_growth
        self.ticks_crossed = 0

    def step(self, target: int, fee_rate: int) -> None:
        """Move towards ``target`` as far as the amount goes. Raises MathRangeError where an amount leaves its type."""
        sqrt_price, amount_in, amount_out, fee = swap_step(
            self.sqrt_price,
            target,
            self.liquidity,
            self.remaining,
            fee_rate,
            exact_in=self._exact_in,
            number_format=self._format,
        )
        if self._exact_in:
            self.remaining -= amount_in + fee
            self.calculated += amount_out
        else:
            self.remaining -= amount_out
            self.calculated += amount_in + fee
        if self.calculated > self._format.amount_max:
            raise MathRangeError(f"the computed amount {self.calculated} leaves its type")
        if sqrt_price != self.sqrt_price:
            self.tick_index = None
            self.sqrt_price = sqrt_price
        self._book_fee(fee)

    def arrive(self, tick_index: int, liquidity_net: int | None) -> None:
        """Stand on a stop: cross it if it is initialised (``liquidity_net`` is not None).

        Raises: MathRangeError when the liquidity leaves u128.
        """
        self.tick_index = tick_index - 1 if self._a_to_b else tick_index
        if liquidity_net is None:
            return
        self.ticks_crossed += 1
        self.liquidity += -liquidity_net if self._a_to_b else liquidity_net
        if not 0 <= self.liquidity <= U128_MAX:
            raise MathRangeError(f"liquidity {self.liquidity} beyond tick {tick_index} leaves u128")

    def _book_fee(self, fee: int) -> None:
        """Split one step's fee: each share is rounded down, the rest grows the liquidity's fee."""
        protocol_fee = fee * self._protocol_share[0] // self._protocol_share[1]
        second_fee = fee * self._second_share[0] // self._second_share[1]
        self.fee += fee
        self.protocol_fee += protocol_fee
        self.second_fee += second_fee
        if self.liquidity:
            growth = ((fee - protocol_fee - second_fee) << self._format.growth_bits) // self.liquidity
            self.fee_growth = (self.fee_growth + growth) & self._format.growth_mask
