// The record's own words, and what they mean for a reader who meets them for the first time.

const REASONS: Readonly<Record<string, string>> = {
  risk_not_active: "the system was paused or killed",
  halted: "the venue or the pair was halted",
  worker_late: "the worker was behind, so prices were old",
  cooling_down: "the route had traded a moment before",
  feed_not_live: "a feed was not live",
  book_not_synced: "the order book was being rebuilt",
  book_crossed: "the order book was crossed",
  book_empty: "one side of the book was empty",
  pool_not_synced: "the pool's state was not complete",
  pool_no_liquidity: "the pool had no liquidity there",
  stale_leg: "one leg's price was too old",
  fee_unknown: "a fee was not known, so no cost is invented",
  rebalancing_unknown: "the cost of rebalancing was not known",
  no_edge: "the price difference does not cover the fees",
  leg_busy: "a leg was in use by another trade",
  sol_price_missing: "no SOL price for the network fee",
  sol_price_stale: "the SOL price was too old",
  below_minimum_size: "too small for the venue",
  insufficient_inventory: "not enough balance on a venue",
  pool_refused: "the pool would have refused the swap",
  costs_exceed_edge: "costs were larger than the edge",
  below_threshold: "profit was below the threshold",
  edge_gone: "the edge was gone",
  leg_lost: "a leg's feed was lost",
  risk: "the risk state changed",
};

const NAMES: Readonly<Record<string, string>> = {
  taker_fee: "taker fee",
  pool_fee: "pool fee",
  slippage: "slippage on the book",
  price_impact: "price impact in the pool",
  network_cost: "network fee",
  stable_basis: "USDC/USD basis",
  rebalancing: "rebalancing",
  buy_cex_sell_pool: "buy exchange, sell pool",
  buy_pool_sell_cex: "buy pool, sell exchange",
  cex: "exchange leg",
  pool: "pool leg",
  unwind: "unwind",
};

export function meaning(word: string): string {
  return REASONS[word] ?? plain(word);
}

export function plain(word: string): string {
  return NAMES[word] ?? word.toLowerCase().replaceAll("_", " ");
}

const VENUES: Readonly<Record<string, string>> = {
  coinbase: "Coinbase", gemini: "Gemini", bitstamp: "Bitstamp", orca: "Orca", raydium: "Raydium", solana: "Solana", whirlpool: "Orca",
};

/** "orca:Czfq3x...yfu44zE" is "orca Czfq\u202644zE"; names of order books stay whole. */
export function marketName(key: string): string {
  const [venue = "", symbol = ""] = key.split(":");
  const short = symbol.length > 20 ? `${symbol.slice(0, 4)}\u2026${symbol.slice(-4)}` : symbol;
  return `${venueName(venue)} ${short}`;
}

export function venueName(venue: string): string {
  return VENUES[venue.toLowerCase()] ?? venue;
}
