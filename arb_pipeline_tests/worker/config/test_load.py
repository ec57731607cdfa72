"""Settings are strict: what is not understood is refused in one line that names the key and what is allowed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streaming_worker.config import Config, load_config
from streaming_worker.config.model import without_secrets
from streaming_worker.config.setting import Kind
from streaming_worker.config.settings import SETTINGS
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.errors import ConfigError

Load = Callable[..., Config]

POOL = "orca:Czfq3xZZDmsdGdUyrNLtRhGc47cXcZtLG4crryfu44zE"
GEMINI = """
[[instruments]]
venue = "gemini"
symbol = "SOLUSD"
base = "SOL"
quote = "USD"
price_tick = "0.001"
lot = "0.000001"
min_size = "0.001"
"""
FEED = """
[[feeds]]
name = "gemini"
protocol = "gemini"
websocket_url = "ws://{venues+2}"
rest_url = "http://{venues+2}"
instruments = ["gemini:SOLUSD"]
"""
FALLBACK_URLS = 'fallback_websocket_url = "ws://x"\nfallback_rest_url = "http://x"'
NO_POOL = "pools = []\n"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def run(text: str = "", **environ: str) -> Config:
        file = tmp_path / "arb.toml"
        file.write_text(text, encoding="utf-8")
        return load_config(file, environ)

    return run


def test_the_demo_profile_stays_on_this_machine() -> None:
    config = load_config(None, {"ARB_SOLANA_RPC_URL": "https://private.example/?api-key=k"})
    urls = [feed.websocket_url for feed in config.feeds] + [feed.rest_url for feed in config.feeds]
    urls += [
        url for feed in config.feeds if feed.fallback for url in (feed.fallback.websocket_url, feed.fallback.rest_url)
    ]
    assert config.profile == "demo"
    assert config.venues.enabled
    assert config.smtp.sink
    assert {without_secrets(url).split("//")[1].split(":")[0] for url in urls} == {"127.0.0.1"}
    assert config.warnings == ()


def test_the_live_profile_needs_no_key_and_says_which_fees_it_assumes() -> None:
    config = load_config(None, {"ARB_PROFILE": "live"})
    assert [feed.name for feed in config.feeds] == ["coinbase", "gemini", "bitstamp", "solana"]
    assert {fee.symbol: fee.millionths for fee in config.engine.taker_fees} == {
        "SOL-USD": 12_000,
        "SOLUSD": 4_000,
        "solusd": 4_000,
    }
    assert [warning.split(";")[0] for warning in config.warnings] == [
        "fees: no taker fee is set for coinbase:SOL-USD",
        "fees: no taker fee is set for gemini:SOLUSD",
        "fees: no taker fee is set for bitstamp:solusd",
    ]
    assert not config.venues.enabled


def test_limits_carry_their_documented_defaults() -> None:
    limits = load_config(None, {}).engine.limits
    assert (limits.max_position_usd_e8, limits.daily_loss_usd_e8) == (1_000 * E8, 500 * E8)
    assert (limits.staleness_ns, limits.threshold_millionths) == (10 * NANOS_PER_SECOND, 1_000)


def test_the_environment_wins_over_the_file_and_the_file_over_the_profile(load: Load) -> None:
    text = '[capture]\nrotate_seconds = 30\n[limits]\nthreshold_bps = "2.25"\n'
    config = load(text, ARB_CAPTURE_ROTATE_SECONDS="40", ARB_CAPTURE_RAW_FRAMES="false", ARB_PORT_VENUES="9500")
    assert config.capture.rotate_seconds == 40
    assert not config.capture.raw_frames
    assert config.engine.limits.threshold_millionths == 225
    assert config.feeds[0].websocket_url == "ws://127.0.0.1:9500"
    assert config.capture.rotate_rows == 1_000_000


def test_a_file_may_name_its_profile_and_the_environment_may_overrule_it(load: Load) -> None:
    assert load('profile = "live"\n').profile == "live"
    assert load('profile = "live"\n', ARB_PROFILE="demo").profile == "demo"


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[worker]\nname = "west-1"\n', encoding="utf-8")
    config = load_config(None, {"ARB_CONFIG": str(file), "ARB_DATA_DIR": str(tmp_path)})
    assert config.worker.name == "west-1"
    assert config.paths.segments == tmp_path / "segments" / "west-1"
    assert config.paths.logs == tmp_path / "state" / "logs"


def test_lists_come_from_the_environment_with_commas() -> None:
    config = load_config(
        None,
        {
            "ARB_SMTP_RECIPIENTS": "a@example.org, b@example.org",
            "ARB_SIMULATION_LADDER_MS": "0, 10",
            "ARB_SIMULATION_PRIMARY_MS": "10",
        },
    )
    assert config.smtp.recipients == ("a@example.org", "b@example.org")
    assert config.engine.simulation.ladder_ns == (0, 10_000_000)


def test_a_repeated_table_of_the_file_replaces_the_profile_s(load: Load) -> None:
    config = load(f"{NO_POOL}{GEMINI}{FEED}")
    assert [instrument.key for instrument in config.engine.instruments] == ["gemini:SOLUSD"]
    assert config.engine.sol_price_instruments == ("gemini:SOLUSD",)
    assert config.feeds[0].fallback is None


def test_more_books_than_a_connection_of_coinbase_takes_are_spread_over_several(load: Load) -> None:
    symbols = [f"A{number:02d}-USD" for number in range(61)]
    books = "".join(
        f'[[instruments]]\nvenue = "coinbase"\nsymbol = "{symbol}"\nbase = "{symbol[:3]}"\nquote = "USD"\n'
        'price_tick = "0.01"\nlot = "0.01"\nmin_size = "0.01"\n'
        for symbol in symbols
    )
    keys = ", ".join(f'"coinbase:{symbol}"' for symbol in symbols)
    feed = FEED.replace("gemini:SOLUSD", "X").replace('["X"]', f"[{keys}]").replace("gemini", "coinbase_advanced")
    config = load(f"{NO_POOL}{books}{feed}")
    assert [(one.name, len(one.instruments)) for one in config.feeds] == [
        ("coinbase_advanced", 30),
        ("coinbase_advanced-2", 30),
        ("coinbase_advanced-3", 1),
    ]
    assert [scope.name for scope in config.engine.feeds] == [one.name for one in config.feeds]


def test_fees_may_be_dated_and_for_one_pair_only(load: Load) -> None:
    text = '[[fees]]\nvenue = "gemini"\nsymbol = "SOLUSD"\ntaker_percent = "0.35"\nvalid_from = "2026-01-31"\n'
    config = load(text)
    gemini, coinbase = config.engine.taker_fees
    assert (gemini.millionths, gemini.valid_from_ns) == (3_500, 1_769_817_600 * NANOS_PER_SECOND)
    assert (coinbase.symbol, coinbase.millionths) == ("SOL-USD", 12_000)
    assert len(config.warnings) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed = 1", "unknown key speed; allowed: alert_channels, "),
        ("capture = 3", "capture: expected a table, as in [capture], received 3"),
        ("[capture]\nrotate = 1", "unknown key capture.rotate; allowed: commit_ms, raw_frames, rotate_rows"),
        ("[capture]\nraw_frames = 1", "capture.raw_frames: expected true or false, received 1"),
        ("[capture]\ncommit_ms = true", "capture.commit_ms: expected a whole number from 1 to 10000, received True"),
        ('[limits]\nmax_position_usd = "-5"', "limits.max_position_usd: expected a decimal as text"),
        ("[limits]\nmax_position_usd = 5.0", "limits.max_position_usd: expected a decimal as text"),
        ('[limits]\nthreshold_bps = "0.001"', "limits.threshold_bps: expected a decimal as text"),
        ('[limits]\ndaily_loss_usd = "many"', "limits.daily_loss_usd: expected a decimal as text"),
        ('[limits]\ndaily_loss_usd = "NaN"', "limits.daily_loss_usd: expected a decimal as text"),
        ('profile = "paper"', "profile: expected one of demo, live, received 'paper'"),
        ('[worker]\nname = "../x"', "worker.name: expected a name of 1 to 40 characters"),
        ('[gateway]\nhost = ""', "gateway.host: expected text, received ''"),
        (
            '[smtp]\npassword = "x"',
            "smtp.password: a secret must not stand in a file of settings; set ARB_SMTP_PASSWORD",
        ),
        ("[smtp]\nrecipients = [1]", "smtp.recipients: expected a list of texts, received [1]"),
        ("[smtp]\nrecipients = 1", "smtp.recipients: expected a list of texts, received 1"),
        ("[simulation]\nladder_ms = []", "simulation.ladder_ms: expected a list of whole numbers from 0 to 60000"),
        ("[simulation]\nprimary_ms = 3", "simulation.primary_ms: expected one of simulation.ladder_ms (0, 50, 100"),
        ("instruments = 3", "instruments: expected repeated tables, as in [[instruments]]"),
        ('[[instruments]]\nvenue = "coinbase"', "instruments[0].symbol: missing; expected text"),
        (
            '[[instruments]]\nvenue = "kraken"',
            "instruments[0].venue: expected one of coinbase, gemini, bitstamp, received 'kraken'",
        ),
        (f"{GEMINI}{GEMINI}", "instrument gemini:SOLUSD is configured twice"),
        (GEMINI.replace('"0.001"', '"0"', 1), "instruments: gemini:SOLUSD: price_tick must be above 0"),
        (f"{NO_POOL}{GEMINI}aliases = ['SOLUSD']\n{FEED}", "instrument gemini:SOLUSD is configured twice"),
        (f"{NO_POOL}{GEMINI}{FEED}{FEED}", "feeds: gemini is configured twice"),
        (
            f"{NO_POOL}{GEMINI}{FEED}{FEED.replace('gemini', 'other', 1)}",
            "feeds: gemini:SOLUSD stands in both gemini and",
        ),
        (
            f"{NO_POOL}{GEMINI}feeds = []".replace("feeds = []", ""),
            "feeds: coinbase: unknown coinbase:SOL-USD; allowed:",
        ),
        (f"{GEMINI}{FEED}", f"feeds: no feed carries {POOL}"),
        (f"{NO_POOL}{GEMINI}{FEED}".replace("{venues", "{venue"), "feeds: unknown {venue+2} in a URL; allowed:"),
        (
            f"{NO_POOL}{GEMINI}{FEED}".replace("ws://{", "ftp://{"),
            "feeds[0].websocket_url: expected a URL with ws, wss",
        ),
        (f'{NO_POOL}{GEMINI}{FEED}fallback_protocol = "gemini_v2"', "feeds: gemini: missing fallback_websocket_url"),
        (
            f'{NO_POOL}{GEMINI}{FEED}fallback_protocol = "solana"\n{FALLBACK_URLS}',
            "feeds: gemini: fallback_protocol solana speaks to another venue than gemini",
        ),
        (
            '[[fees]]\nvenue = "gemini"\ntaker_percent = "0.4"\nvalid_from = "May"',
            "fees: valid_from: expected a day as in",
        ),
        ("[capture", "expected TOML:"),
        ("[disk]\ncapture_free_mb = 1500", "disk: expected warn_free_mb >= raw_frames_free_mb >= capture_free_mb"),
        ("[disk]\nwarn_free_mb = 900", "received 900, 1000, 500"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(load: Load, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.key is not None


def test_a_duplicate_pool_is_refused(load: Load) -> None:
    pool = (
        f'[[pools]]\nvenue = "orca"\naddress = "{POOL[5:]}"\nbase = "SOL"\nquote = "USDC"\n'
        "base_decimals = 9\nquote_decimals = 6\n"
    )
    with pytest.raises(ConfigError, match="is configured twice"):
        load(pool + pool)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ARB_PROFILE", "paper", "ARB_PROFILE: expected one of demo, live, received 'paper'"),
        ("ARB_PORT_GATEWAY", "0", "ARB_PORT_GATEWAY: expected a whole number from 1 to 65500, received 0"),
        ("ARB_PORT_GATEWAY", "web", "ARB_PORT_GATEWAY: expected a whole number from 1 to 65500, received 'web'"),
        ("ARB_SMTP_SINK", "perhaps", "ARB_SMTP_SINK: expected true or false"),
        ("ARB_CONFIG", "/nonexistent/arb.toml", "/nonexistent/arb.toml: cannot be read: No such file"),
        ("ARB_SOLANA_RPC_URL", "wss://node", "ARB_SOLANA_RPC_URL: expected a URL with http or https"),
        ("ARB_LIMITS_DAILY_LOSS_USD", "-1", "ARB_LIMITS_DAILY_LOSS_USD: expected a decimal as text"),
    ],
)
def test_a_variable_is_checked_like_a_setting(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {name: value})
    assert message in str(caught.value)


def test_a_secret_s_value_is_never_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"ARB_SOLANA_RPC_URL": "not a url, but hunter2"})
    assert "hunter2" not in str(caught.value)
    live = load_config(
        None,
        {
            "ARB_PROFILE": "live",
            "ARB_SOLANA_RPC_URL": "https://node.example:8443/?api-key=hunter2",
            "ARB_SMTP_PASSWORD": "hunter2",
        },
    )
    assert "hunter2" not in repr(live)
    assert live.smtp.password == "hunter2"
    solana = live.feeds[-1]
    assert solana.rest_url.endswith("hunter2")
    assert solana.websocket_url == "wss://node.example:8443/?api-key=hunter2"
    assert without_secrets(solana.websocket_url) == "wss://node.example:8443"


def test_a_secret_file_must_belong_to_its_owner_alone(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n", encoding="utf-8")
    secret.chmod(0o600)
    environ = {"ARB_SMTP_PASSWORD_FILE": str(secret)}
    assert load_config(None, environ).smtp.password == "hunter2"
    with pytest.raises(ConfigError, match="both set"):
        load_config(None, {**environ, "ARB_SMTP_PASSWORD": "x"})
    secret.chmod(0o640)
    with pytest.raises(ConfigError, match=r"mode 0640; expected 0600 \(chmod 600"):
        load_config(None, environ)
    secret.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(None, environ)


def test_every_setting_says_what_it_takes_and_every_variable_is_its_own() -> None:
    variables = [setting.env for setting in SETTINGS if setting.env is not None]
    assert len(variables) == len(set(variables))
    assert all(setting.doc and setting.allowed for setting in SETTINGS)
    assert all(setting.digits >= 0 for setting in SETTINGS if setting.kind is Kind.DECIMAL)
    assert all(setting.env is None for setting in SETTINGS if "[]" in setting.key)
