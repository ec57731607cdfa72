"""Every setting, named once: the reader, the checks, ``arb doctor`` and docs/CONFIGURATION.md all come from here.

A scalar setting is ``section.name``; ``section[].name`` stands in a repeated table. Money and percentages are decimal
text, because a TOML float cannot hold them exactly.
"""

from typing import Final

from streaming_worker.config.alert_settings import ALERT_SETTINGS
from streaming_worker.config.api_settings import API_SETTINGS
from streaming_worker.config.setting import Kind, Setting
from streaming_worker.config.table_settings import TABLE_SETTINGS
from streaming_worker.config.tracing_settings import TRACING_SETTINGS

PROFILES: Final = ("demo", "live")
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
        "integrity.crossed_ms",
        Kind.INTEGER,
        "a book that stays crossed for this long is asked for again",
        default=2000,
        minimum=100,
        maximum=3600000,
    ),
    Setting(
        "integrity.frozen_seconds",
        Kind.INTEGER,
        "a leg of an open opportunity that stood still for this long is compared over REST or RPC",
        default=5,
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "integrity.gemini_accepts_next_id",
        Kind.FLAG,
        "take an update of Gemini that begins one id after the last for its successor, not for a gap",
        default=False,
    ),
    Setting(
        "retention.segment_hours",
        Kind.INTEGER,
        "hours for which a sealed segment stays after it was compacted and verified",
        default=72,
        minimum=0,
        maximum=10**5,
    ),
    Setting(
        "retention.days",
        Kind.TEXTS,
        "days for which what is kept, as name=days: a table of the lake, replay (what a replay needs), other (every "
        "table not named), reports, runs; for good where not named",
        default=("raw_frames=14", "runs=30"),
    ),
    Setting("backup.folder", Kind.TEXT, "where the daily backup goes, best on another disk; no backup where not set"),
    Setting("backup.keep", Kind.INTEGER, "how many backups are kept there", default=14, minimum=1, maximum=10**4),
    Setting(
        "gateway.host",
        Kind.TEXT,
        "address of the worker's gateway; keep it on loopback, it has no login",
        default="127.0.0.1",
    ),
    _port("gateway.port", 8090, "ARB_PORT_GATEWAY", "port of the worker's gateway"),
    *API_SETTINGS,
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
        "venues.extra_books",
        Kind.FLAG,
        "add BTC and ETH books and the cross SOL-BTC to the synthetic market, so that cycles can be seen",
        default=False,
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
    *ALERT_SETTINGS,
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
        "network.priority_percentile",
        Kind.INTEGER,
        "percentile of what others paid lately for the pool's accounts that a transaction pays, at least "
        "network.priority_lamports; unset: that alone",
        minimum=1,
        maximum=100,
    ),
    Setting(
        "network.compute_units",
        Kind.INTEGER,
        "compute units of one pool transaction, over which a measured priority fee is paid",
        default=200000,
        minimum=1000,
        maximum=1400000,
    ),
    Setting(
        "network.max_priority_age_seconds",
        Kind.INTEGER,
        "age of a measured priority fee beyond which network costs are unknown and nothing opens",
        default=60,
        minimum=1,
        maximum=3600,
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
    *TRACING_SETTINGS,
    *TABLE_SETTINGS,
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
