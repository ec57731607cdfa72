"""Every setting, named once: the reader, the checks, ``arb doctor`` and the README's table all come from here.

A scalar setting is ``section.name``; ``section[].name`` stands in a repeated table. Money and percentages are decimal
text, because a TOML float cannot hold them exactly.
"""

from typing import Final

from streaming_worker.config.setting import Kind, Setting

PROFILES: Final = ("demo", "live")
PROTOCOLS: Final = ("coinbase_advanced", "coinbase_exchange", "gemini", "gemini_v2", "bitstamp", "solana")
CEX_VENUES: Final = ("coinbase", "gemini", "bitstamp")
VENUES: Final = (*CEX_VENUES, "orca")
PROFILE_ENV: Final = "ARB_PROFILE"
FILE_ENV: Final = "ARB_CONFIG"
PUBLIC_SOLANA_RPC: Final = "https://api.mainnet-beta.solana.com"


def _port(key: str, default: int, env: str, doc: str) -> Setting:
    return Setting(key, Kind.INTEGER, doc, default=default, env_name=env, minimum=1, maximum=65_500)


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "profile",
        Kind.TEXT,
        "which shipped profile is the base: demo (local venues) or live (public endpoints)",
        default="demo",
        choices=PROFILES,
    ),
    Setting("worker.name", Kind.NAME, "name of this worker in file names and rows", default="main"),
    Setting(
        "paths.data_dir",
        Kind.TEXT,
        "folder that holds everything that is written; a relative path starts at the working directory",
        default="data",
        env_name="ARB_DATA_DIR",
    ),
    Setting(
        "capture.raw_frames",
        Kind.FLAG,
        "keep every received frame beside the events, so that a parser fix can be replayed",
        default=False,
    ),
    Setting(
        "capture.rotate_seconds",
        Kind.INTEGER,
        "seal the live file after this many seconds",
        default=15,
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "capture.rotate_rows",
        Kind.INTEGER,
        "seal the live file after this many rows",
        default=1000000,
        minimum=1000,
        maximum=100000000,
    ),
    Setting(
        "capture.commit_ms",
        Kind.INTEGER,
        "commit what is queued this often, in milliseconds",
        default=50,
        minimum=1,
        maximum=10000,
    ),
    Setting(
        "disk.warn_free_mb",
        Kind.INTEGER,
        "free space under the data folder below which health warns, in MB; 0 never",
        default=2000,
        minimum=0,
        maximum=10**9,
    ),
    Setting(
        "disk.raw_frames_free_mb",
        Kind.INTEGER,
        "free space below which raw frames are no longer kept, in MB; 0 never",
        default=1000,
        minimum=0,
        maximum=10**9,
    ),
    Setting(
        "disk.capture_free_mb",
        Kind.INTEGER,
        "free space below which capture stops until there is more, in MB; 0 never; sealing the live file needs some",
        default=500,
        minimum=0,
        maximum=10**9,
    ),
    Setting(
        "gateway.host",
        Kind.TEXT,
        "address of the worker's gateway; keep it on loopback, it has no login",
        default="127.0.0.1",
    ),
    _port("gateway.port", 8090, "ARB_PORT_GATEWAY", "port of the worker's gateway"),
    Setting("venues.enabled", Kind.FLAG, "start the local venues with `arb up` (demo)", default=False),
    Setting("venues.host", Kind.TEXT, "address of the local venues", default="127.0.0.1"),
    _port("venues.port", 9100, "ARB_PORT_VENUES", "first of the eleven ports of the local venues"),
    Setting(
        "venues.seed",
        Kind.INTEGER,
        "seed of the synthetic market; the same seed gives the same market",
        default=7,
        minimum=0,
        maximum=2**31,
    ),
    Setting(
        "venues.history_hours",
        Kind.INTEGER,
        "closed hours of synthetic history that `arb up` captures first (demo)",
        default=3,
        minimum=0,
        maximum=48,
    ),
    Setting("dagster.host", Kind.TEXT, "address of the Dagster web interface; it has no login", default="127.0.0.1"),
    _port("dagster.port", 3000, "ARB_PORT_DAGSTER", "port of the Dagster web interface"),
    Setting("smtp.host", Kind.TEXT, "mail server", default="127.0.0.1"),
    _port("smtp.port", 1025, "ARB_PORT_SMTP", "port of the mail server"),
    Setting(
        "smtp.tls", Kind.TEXT, "encryption towards the mail server", default="none", choices=("none", "starttls", "tls")
    ),
    Setting("smtp.sender", Kind.TEXT, "From address of reports and alerts", default="arb-platform@localhost"),
    Setting(
        "smtp.recipients",
        Kind.TEXTS,
        "who gets reports and alerts; separated by commas in the environment",
        default=("operator@localhost",),
    ),
    Setting("smtp.user", Kind.TEXT, "login at the mail server, where it wants one"),
    Setting("smtp.password", Kind.TEXT, "password at the mail server", secret=True),
    Setting(
        "smtp.sink", Kind.FLAG, "start a local mail server that keeps every mail under state/mail (demo)", default=False
    ),
    Setting(
        "solana.rpc_url",
        Kind.URL,
        "HTTP endpoint of a Solana node; its WebSocket is found by the same host; the public one is rate limited",
        default=PUBLIC_SOLANA_RPC,
        secret=True,
    ),
    Setting(
        "limits.max_position_usd",
        Kind.DECIMAL,
        "largest notional of one simulated trade, in USD",
        default="1000",
        minimum=1,
        maximum=1000000,
    ),
    Setting(
        "limits.daily_loss_usd",
        Kind.DECIMAL,
        "simulated loss of a UTC day at which the engine is killed, in USD",
        default="500",
        minimum=1,
        maximum=1000000,
    ),
    Setting(
        "limits.threshold_bps",
        Kind.DECIMAL,
        "smallest net edge that opens an opportunity, in basis points",
        default="10",
        minimum=0,
        maximum=10000,
        digits=2,
    ),
    Setting(
        "limits.staleness_seconds",
        Kind.INTEGER,
        "transport silence that pauses the engine",
        default=10,
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "limits.resume_after_seconds",
        Kind.INTEGER,
        "health needed before an automatic resume",
        default=5,
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "limits.max_late_ms",
        Kind.INTEGER,
        "how far behind its own queue and clock the worker may be before it opens nothing",
        default=100,
        minimum=1,
        maximum=60000,
    ),
    Setting(
        "limits.max_lag_ms",
        Kind.INTEGER,
        "delay of delivery, by the venue's clock, beyond which a leg is refused",
        default=500,
        minimum=1,
        maximum=60000,
    ),
    Setting(
        "limits.min_output_tolerance_bps",
        Kind.DECIMAL,
        "how far a simulated swap may land below its quote before it reverts, in basis points",
        default="10",
        minimum=0,
        maximum=10000,
        digits=2,
    ),
    Setting(
        "limits.max_sol_price_age_seconds",
        Kind.INTEGER,
        "age of the SOL price beyond which network costs are unknown and nothing opens",
        default=60,
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "simulation.ladder_ms",
        Kind.INTEGERS,
        "latencies of the exchange leg; one simulated trade each",
        default=(0, 50, 100, 250, 500, 1000, 2000),
        minimum=0,
        maximum=60000,
    ),
    Setting(
        "simulation.primary_ms",
        Kind.INTEGER,
        "the latency of the ladder whose trades count for PnL and risk",
        default=250,
        minimum=0,
        maximum=60000,
    ),
    Setting(
        "simulation.empirical_ms",
        Kind.INTEGERS,
        "measured latencies at equally spaced quantiles, lowest first; one more simulated trade draws from them",
        minimum=0,
        maximum=60000,
    ),
    Setting(
        "simulation.landing_slots",
        Kind.INTEGER,
        "slots between decision and landing of the pool leg",
        default=2,
        minimum=0,
        maximum=150,
    ),
    Setting(
        "network.signature_lamports",
        Kind.INTEGER,
        "base fee of one signature, in lamports",
        default=5000,
        minimum=0,
        maximum=10**12,
    ),
    Setting("network.signatures", Kind.INTEGER, "signatures of one pool transaction", default=1, minimum=1, maximum=12),
    Setting(
        "network.priority_lamports",
        Kind.INTEGER,
        "priority fee of one pool transaction, in lamports",
        default=20000,
        minimum=0,
        maximum=10**12,
    ),
    Setting(
        "network.revert_share_percent",
        Kind.DECIMAL,
        "share of pool transactions that revert unseen and are sent again; each pays the whole network cost",
        default="0",
        minimum=0,
        maximum=90,
        digits=4,
    ),
    Setting(
        "rebalancing.automatic",
        Kind.FLAG,
        "let recommended transfers between shadow balances depart at once, simulated",
        default=False,
    ),
    Setting(
        "rebalancing.band_percent",
        Kind.DECIMAL,
        "how far below its target a balance may be before a transfer is recommended",
        default="10",
        minimum=0,
        maximum=100,
        digits=4,
    ),
    Setting("instruments[].venue", Kind.TEXT, "its venue", required=True, choices=CEX_VENUES),
    Setting("instruments[].symbol", Kind.TEXT, "its symbol as the venue writes it", required=True),
    Setting("instruments[].base", Kind.TEXT, "what is bought and sold", required=True),
    Setting("instruments[].quote", Kind.TEXT, "what prices are in", required=True),
    Setting("instruments[].price_tick", Kind.DECIMAL, "smallest step of a price, in quote", required=True),
    Setting("instruments[].lot", Kind.DECIMAL, "smallest step of a size, in base", required=True),
    Setting("instruments[].min_size", Kind.DECIMAL, "smallest order, in base", required=True),
    Setting("instruments[].min_notional", Kind.DECIMAL, "smallest order, in quote", default="0", minimum=0),
    Setting(
        "instruments[].aliases",
        Kind.TEXTS,
        "other symbols of the same book, which are never traded against it",
        default=(),
    ),
    Setting("pools[].venue", Kind.TEXT, "its venue", required=True, choices=("orca",)),
    Setting("pools[].address", Kind.TEXT, "address of the pool account", required=True),
    Setting("pools[].base", Kind.TEXT, "token A", required=True),
    Setting("pools[].quote", Kind.TEXT, "token B", required=True),
    Setting("pools[].base_decimals", Kind.INTEGER, "decimals of token A", required=True, minimum=0, maximum=18),
    Setting("pools[].quote_decimals", Kind.INTEGER, "decimals of token B", required=True, minimum=0, maximum=18),
    Setting("feeds[].name", Kind.NAME, "its name in events, tables and health", required=True),
    Setting("feeds[].protocol", Kind.TEXT, "what it speaks", required=True, choices=PROTOCOLS),
    Setting("feeds[].websocket_url", Kind.URL, "where frames come from", required=True),
    Setting("feeds[].rest_url", Kind.URL, "where snapshots and accounts come from", required=True),
    Setting("feeds[].instruments", Kind.TEXTS, "its books, as venue:symbol", default=()),
    Setting("feeds[].pools", Kind.TEXTS, "its pools, as venue:address", default=()),
    Setting("feeds[].fallback_protocol", Kind.TEXT, "what the fallback speaks", choices=PROTOCOLS),
    Setting("feeds[].fallback_websocket_url", Kind.URL, "frames, when the first endpoint fails"),
    Setting("feeds[].fallback_rest_url", Kind.URL, "snapshots, when the first endpoint fails"),
    Setting("fees[].venue", Kind.TEXT, "who takes it", required=True, choices=CEX_VENUES),
    Setting("fees[].symbol", Kind.TEXT, "the pair it is for; every pair of the venue where left out"),
    Setting(
        "fees[].taker_percent",
        Kind.DECIMAL,
        "taker fee, in percent of the notional",
        required=True,
        minimum=0,
        maximum=10,
        digits=4,
    ),
    Setting("fees[].valid_from", Kind.TEXT, "first UTC day on which it holds, as year-month-day", default="1970-01-01"),
    Setting("fees[].source", Kind.TEXT, "where the number comes from", default="configuration"),
    Setting("stable_bases[].asset", Kind.TEXT, "the stable coin", required=True),
    Setting("stable_bases[].against", Kind.TEXT, "what it is counted as", required=True),
    Setting(
        "stable_bases[].receive_bps",
        Kind.DECIMAL,
        "cost of turning it into money when we receive it",
        required=True,
        minimum=0,
        maximum=10000,
        digits=2,
    ),
    Setting(
        "stable_bases[].pay_bps",
        Kind.DECIMAL,
        "cost of buying it when we pay it",
        required=True,
        minimum=0,
        maximum=10000,
        digits=2,
    ),
    Setting("stable_bases[].source", Kind.TEXT, "where the number comes from", default="configuration"),
    Setting("allocations[].venue", Kind.TEXT, "who holds it", required=True, choices=VENUES),
    Setting("allocations[].asset", Kind.TEXT, "what is held", required=True),
    Setting("allocations[].initial", Kind.DECIMAL, "shadow balance at the start", required=True, minimum=0),
    Setting("allocations[].target", Kind.DECIMAL, "where rebalancing aims", required=True, minimum=0),
    Setting("allocations[].low", Kind.DECIMAL, "below this the balance is reported", default="0", minimum=0),
    Setting("transfers[].source", Kind.TEXT, "venue that pays", required=True, choices=VENUES),
    Setting("transfers[].destination", Kind.TEXT, "venue that receives", required=True, choices=VENUES),
    Setting("transfers[].asset", Kind.TEXT, "what is sent", required=True),
    Setting("transfers[].credited_as", Kind.TEXT, "what the destination books, where it is another asset at par"),
    Setting("transfers[].fixed_fee", Kind.DECIMAL, "fee of one transfer, in the asset", default="0", minimum=0),
    Setting(
        "transfers[].fee_percent",
        Kind.DECIMAL,
        "fee in percent of what arrives",
        default="0",
        minimum=0,
        maximum=100,
        digits=4,
    ),
    Setting("transfers[].minutes", Kind.INTEGER, "how long it takes", required=True, minimum=0, maximum=100000),
    Setting("transfers[].minimum", Kind.DECIMAL, "the least that may arrive, in the asset", default="0", minimum=0),
    Setting(
        "transfers[].typical", Kind.DECIMAL, "over which amount a trade's share of the fixed fee counts", required=True
    ),
    Setting("transfers[].terms", Kind.TEXT, "where the numbers come from", default="configuration"),
)


def variables() -> frozenset[str]:
    """Return every environment variable that is read, the ``_FILE`` form of secrets included."""
    names = {FILE_ENV}
    for setting in SETTINGS:
        if setting.env is not None:
            names.add(setting.env)
            if setting.secret:
                names.add(f"{setting.env}_FILE")
    return frozenset(names)
