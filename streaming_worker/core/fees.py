"""Who pays what, in which asset: taker fee, network cost, stable basis. Missing means None, never zero."""

from typing import Final

import msgspec

from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.units import E8, LAMPORTS_PER_SOL, MILLIONTHS, NANOS_PER_SECOND, ceil_div

MICRO_LAMPORTS: Final = 1_000_000


class TakerFee(msgspec.Struct, frozen=True):
    """One line of the fee schedule.

    Units: ``millionths`` of the notional (1.20 % is 12000). ``symbol`` None means every pair of the venue.
    ``valid_from_ns`` is the first moment at which the line holds, ns UTC.
    """

    venue: Venue
    millionths: int
    source: str
    symbol: str | None = None
    valid_from_ns: int = 0

    @property
    def key(self) -> tuple[Venue, str | None, int]:
        """What it is for: of two lines with one key only one can hold."""
        return self.venue, self.symbol, self.valid_from_ns

    def is_for(self, instrument: Instrument) -> bool:
        """Return whether an instrument pays it, once it holds and where nothing closer does."""
        return self.venue == instrument.venue and self.symbol in (None, instrument.symbol)


class NetworkCost(msgspec.Struct, frozen=True):
    """What one pool transaction costs on chain, filled or reverted.

    Units: lamports. ``revert_share_millionths``: of all transactions sent, the share that reverts for reasons that no
    recorded state shows (contention, an expired blockhash) and is sent again; each such attempt pays the whole cost.
    What reverts on the recorded pool is simulated, and pays for itself.
    With a ``priority_percentile`` the priority fee is that percentile of what others paid lately for the pool's
    accounts, over ``compute_units``, and at least ``priority_lamports``; older than ``max_age_ns`` it is unknown.
    Source: 5,000 lamports a signature; the rest is configuration.
    """

    signature_lamports: int
    signatures: int
    priority_lamports: int
    source: str
    revert_share_millionths: int = 0
    priority_percentile: int | None = None
    compute_units: int = 200_000
    max_age_ns: int = 60 * NANOS_PER_SECOND

    @property
    def lamports(self) -> int:
        """Return the expected cost of one transaction, that of its unseen reverts included. Rounds: up, against us."""
        return self.lamports_at(self.priority_lamports)

    def lamports_at(self, priority_lamports: int) -> int:
        """Return the same for a priority fee.

        With a share r of attempts reverting, a transaction takes 1 / (1 - r) attempts. Rounds: up, against us.
        """
        once = self.signature_lamports * self.signatures + priority_lamports
        return ceil_div(once * MILLIONTHS, MILLIONTHS - self.revert_share_millionths)

    def priority_of(self, fees: tuple[int, ...], percentile: int) -> int:
        """Return the priority fee in lamports from fees in micro-lamports per compute unit, lowest first.

        The percentile is the least fee that at least that share does not exceed. Rounds: up, against us.
        """
        if not fees:
            return self.priority_lamports
        rank = max(1, ceil_div(len(fees) * percentile, 100))
        paid = ceil_div(fees[rank - 1] * self.compute_units, MICRO_LAMPORTS)
        return max(self.priority_lamports, paid)


class StableBasis(msgspec.Struct, frozen=True):
    """What it costs to turn one quote asset into another, by direction.

    Units: millionths of the amount. ``receive`` applies when the pool pays us ``asset``, ``pay`` when we pay it.
    With an ``instrument`` (registry key of ``asset`` priced in ``against``) its best prices decide and the two rates
    are what trading there costs on top; a book older than ``max_age_ns`` tells nothing.
    """

    asset: str
    against: str
    receive_millionths: int
    pay_millionths: int
    source: str
    instrument: str | None = None
    max_age_ns: int = 60 * NANOS_PER_SECOND

    def received_at(self, bid_e8: int) -> int:
        """Return the cost of selling what was received at a price; negative: a gain. Rounds: up, against us."""
        return ceil_div((E8 - bid_e8) * MILLIONTHS, E8) + self.receive_millionths

    def paid_at(self, ask_e8: int) -> int:
        """Return the cost of buying what is to be paid at a price; negative: a gain. Rounds: up, against us."""
        return ceil_div((ask_e8 - E8) * MILLIONTHS, E8) + self.pay_millionths


def taker_fee_at(schedule: tuple[TakerFee, ...], *, venue: Venue, symbol: str, now_ns: int) -> TakerFee | None:
    """Return the line in force: the pair's own before the venue's, the latest validity first; None if unknown."""
    lines = [
        line
        for line in schedule
        if line.venue == venue and line.symbol in (symbol, None) and line.valid_from_ns <= now_ns
    ]
    return max(lines, key=lambda line: (line.symbol is not None, line.valid_from_ns), default=None)


def fee_amount(notional_e8: int, millionths: int) -> int:
    """Return a proportional fee. Rounds: up, against the trader."""
    return ceil_div(notional_e8 * millionths, MILLIONTHS)


def lamports_to_usd_e8(lamports: int, sol_price_e8: int) -> int:
    """Return what lamports cost in USD x 1e8. Rounds: up, against the trader."""
    return ceil_div(lamports * sol_price_e8, LAMPORTS_PER_SOL)


def sol_price_in_range(sol_price_e8: int | None) -> bool:
    """Return whether a SOL price can be used: present and between 1 cent and 1 million USD."""
    return sol_price_e8 is not None and E8 // 100 <= sol_price_e8 <= 1_000_000 * E8
