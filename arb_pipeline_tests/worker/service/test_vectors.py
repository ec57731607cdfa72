"""Reference vectors: the golden selection and the whole set match; what does not match or is not known is said."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streaming_worker.errors import ConfigError
from streaming_worker.service.vectors import run_vectors
from streaming_worker.service.vectors.rows import RowContext, differences
from streaming_worker.service.vectors.run import FORMATS, MISMATCHES_SHOWN

Row = dict[str, Any]


@pytest.fixture(scope="session")
def golden(repository: Path) -> Path:
    return repository / "arb_pipeline_tests" / "fixtures" / "vectors"


@pytest.fixture
def golden_rows(golden: Path) -> Callable[[str], list[Row]]:
    return lambda name: [json.loads(line) for line in (golden / f"{name}.jsonl").read_text().splitlines()]


def write(folder: Path, name: str, rows: list[Row]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_every_golden_row_matches(golden: Path) -> None:
    report = run_vectors(golden)
    assert [file["first_mismatches"] for file in report["files"].values()] == [[]] * 10
    assert (report["matched"], report["mismatched"]) == (321, 0)
    assert report["unknown"] == {"README.md": "expected a file of JSON lines (.jsonl or .jsonl.gz)"}


def test_every_row_of_the_whole_set_matches(shared_dir: Path) -> None:
    report = run_vectors(shared_dir / "vectors")
    assert {name: file["first_mismatches"] for name, file in report["files"].items() if file["mismatched"]} == {}
    assert report["matched"] == sum(file["rows"] for file in report["files"].values()) == 5_502
    assert len(report["files"]) == 12


def test_the_format_decides_not_the_name(tmp_path: Path, golden: Path) -> None:
    text = (golden / "algebra_v1_swap.jsonl").read_bytes()
    (tmp_path / "renamed.jsonl.gz").write_bytes(gzip.compress(text))
    assert run_vectors(tmp_path)["files"]["renamed.jsonl.gz"]["matched"] == 8


NAMES = [
    ("whirlpool_tick_math", ("sqrt_price", "tick")),
    ("whirlpool_token_math", ("value",)),
    ("whirlpool_swap", ("program",)),
    ("whirlpool_accounts", ("decoded", "address")),
    ("uniswap_v3_math", ("sqrt_ratio_x96", "tick", "amount", "result")),
    ("uniswap_v3_swap", ("pool_result",)),
    ("algebra_v1_swap", ("pool_result",)),
    ("raydium_clmm", ("sqrt_price_x64", "tick", "result")),
    ("raydium_cpmm", ("result",)),
]


def _spoil(value: Any) -> Any:
    """Change a result by the least that counts."""
    if isinstance(value, dict):
        name = next((name for name in value if name != "error"), "error")
        return {**value, name: _spoil(value[name])}
    if isinstance(value, bool):
        return not value
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return str(int(value) + 1)
    return value + 1 if isinstance(value, int) else f"{value}x"


@pytest.mark.parametrize(("name", "results"), NAMES, ids=[name for name, _ in NAMES])
def test_a_result_that_is_off_by_one_is_a_mismatch(
    name: str, results: tuple[str, ...], tmp_path: Path, golden_rows: Callable[[str], list[Row]]
) -> None:
    rows = [row for row in golden_rows(name) if "error" not in row and "error" not in row.get("program", {})]
    rows = [row for row in rows if row.get("kind") != "invalid" and "float" not in row.get("fn", "")]
    rows = [row for row in rows if "error" not in (row["result"] if isinstance(row.get("result"), dict) else {})]
    for row in rows:
        spoiled = next(result for result in reversed(results) if result in row)
        row[spoiled] = _spoil(row[spoiled])
    write(tmp_path, "spoiled.jsonl", rows)
    report = run_vectors(tmp_path)["files"]["spoiled.jsonl"]
    assert (report["matched"], report["mismatched"]) == (0, len(rows))
    assert len(report["first_mismatches"]) == min(MISMATCHES_SHOWN, len(rows))
    assert report["first_mismatches"][0]["id"] == rows[0]["id"]


def test_a_refusal_where_the_program_succeeds_and_the_reverse_are_mismatches(
    tmp_path: Path, golden_rows: Callable[[str], list[Row]]
) -> None:
    rows = golden_rows("whirlpool_swap")
    good = next(row for row in rows if "error" not in row["program"])
    bad = next(row for row in rows if row["program"].get("code") == 6038)
    swapped = [
        {**good, "program": {"error": "Anything", "code": 6038}},
        {**bad, "program": good["program"]},
        {**bad, "program": {"error": "PartialFillError", "code": 6057}},
    ]
    write(tmp_path, "swapped.jsonl", swapped)
    found = run_vectors(tmp_path)["files"]["swapped.jsonl"]["first_mismatches"]
    assert [list(mismatch["differences"]) for mismatch in found] == [["error"], ["amount_out"], ["code"]]


def test_overflows_need_not_be_told_apart(tmp_path: Path, golden_rows: Callable[[str], list[Row]]) -> None:
    row = next(row for row in golden_rows("whirlpool_swap") if row["program"].get("code") == 6017)
    write(tmp_path, "overflow.jsonl", [{**row, "program": {"error": "AmountCalcOverflow", "code": 6039}}])
    assert run_vectors(tmp_path)["matched"] == 1


def test_math_that_fails_or_does_not_is_compared(tmp_path: Path, golden_rows: Callable[[str], list[Row]]) -> None:
    rows = golden_rows("whirlpool_token_math")
    failing = next(row for row in rows if "error" in row and row["fn"] == "amount_delta_b")
    working = next(row for row in rows if "value" in row and row["fn"] == "amount_delta_b")
    price = next(row for row in rows if row["fn"] == "tick_to_price_float")
    spoiled = [
        {name: value for name, value in failing.items() if name != "error"} | {"value": "1"},
        {name: value for name, value in working.items() if name != "value"} | {"error": "Amount exceeds max u64"},
        {**price, "value": price["value"] * (1 + 1e-11)},
        {**price, "value": price["value"] * (1 + 1e-13)},
    ]
    write(tmp_path, "math.jsonl", spoiled)
    report = run_vectors(tmp_path)["files"]["math.jsonl"]
    assert [mismatch["row"] for mismatch in report["first_mismatches"]] == [1, 2, 3]


def test_account_rows_are_refused_by_what_is_wrong_with_them(
    tmp_path: Path, golden_rows: Callable[[str], list[Row]]
) -> None:
    rows = golden_rows("whirlpool_accounts")
    account = next(row for row in rows if row["kind"] == "account" and row["type"] == "whirlpool")
    invalid = next(row for row in rows if row["kind"] == "invalid" and row["type"] == "whirlpool")
    spoiled = [
        {**account, "length": 1},
        {**account, "owner": "nobody"},
        {**invalid, "data_base64": account["data_base64"]},
        {**account, "data_base64": "%%%"},
    ]
    write(tmp_path, "accounts.jsonl", spoiled)
    found = run_vectors(tmp_path)["files"]["accounts.jsonl"]["first_mismatches"]
    assert [list(mismatch["differences"]) for mismatch in found] == [["length"], ["decoded"], ["reason"], ["row"]]


def test_swaps_that_are_refused_or_fail_are_compared(tmp_path: Path, golden_rows: Callable[[str], list[Row]]) -> None:
    uniswap, algebra = golden_rows("uniswap_v3_swap")[0], golden_rows("algebra_v1_swap")[0]
    clmm = next(row for row in golden_rows("raydium_clmm") if "error" in row.get("result", {}))
    cpmm = next(row for row in golden_rows("raydium_cpmm") if not row["exact_in"])
    rows = [
        {**uniswap, "sqrt_price_limit_x96": "1"},
        {**algebra, "limit_sqrt_price": "1"},
        {**clmm, "result": {"all_trade": True}},
        {**cpmm, "amount": cpmm["vault_out"]},
        {**cpmm, "amount": cpmm["vault_out"], "result": {"error": "too much"}},
    ]
    write(tmp_path, "swaps.jsonl", rows)
    report = run_vectors(tmp_path)["files"]["swaps.jsonl"]
    assert (report["rows"], report["matched"]) == (5, 1)


def test_quotes_over_a_state_need_the_state(tmp_path: Path, golden_rows: Callable[[str], list[Row]]) -> None:
    row = next(row for row in golden_rows("whirlpool_swap") if "error" not in row["program"] and not row["oracle"])
    state = {
        "kind": "state",
        "state": "here",
        "pool": row["pool"],
        "tick_arrays": row["tick_arrays"],
    }
    quote = {name: row[name] for name in ("id", "a_to_b", "exact_in", "amount", "sqrt_price_limit", "program")}
    shifted = {**state, "pool": {**row["pool"], "tick_current_index": row["pool"]["tick_current_index"] + 9}}
    write(tmp_path, "states.jsonl", [state, {**quote, "state": "here"}, {**quote, "state": "elsewhere"}, shifted])
    report = run_vectors(tmp_path)["files"]["states.jsonl"]
    assert [mismatch["row"] for mismatch in report["first_mismatches"]] == [3, 4]


def test_what_holds_no_vectors_is_reported_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    (tmp_path / "text.jsonl").write_text("nothing\n")
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 1_000)[:-12])
    (tmp_path / "plain.jsonl.gz").write_text("{}")
    write(tmp_path, "other.jsonl", [{"kind": "candle", "open": 1}])
    report = run_vectors(tmp_path)
    assert report["files"] == {}
    assert set(report["unknown"]) == {path.name for path in tmp_path.iterdir()}
    assert "kind, open" in report["unknown"]["other.jsonl"]
    assert report["unknown"]["empty.jsonl"] == "it holds no rows"


def test_a_row_that_no_format_knows_is_a_mismatch_within_a_known_file(
    tmp_path: Path, golden_rows: Callable[[str], list[Row]]
) -> None:
    rows = golden_rows("algebra_v1_swap")[:1]
    incomplete = {"pool_result": {}, "amount_required": "5"}
    write(tmp_path, "mixed.jsonl", [*rows, {"kind": "candle"}, incomplete])
    report = run_vectors(tmp_path)["files"]["mixed.jsonl"]
    assert (report["matched"], report["mismatched"]) == (1, 2)
    assert [list(found["differences"]) for found in report["first_mismatches"]] == [["format"], ["row"]]


def test_a_folder_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="folder of vectors"):
        run_vectors(tmp_path / "nowhere")


def test_each_golden_row_is_known_to_exactly_one_format(golden: Path) -> None:
    for path in golden.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            assert len([row_format for row_format in FORMATS if row_format.knows(row)]) == 1


def test_integers_and_their_text_are_the_same_value() -> None:
    assert differences({"a": "5", "b": [1, {"c": "2"}], "d": True}, {"a": 5, "b": (1, {"c": 2}), "d": True}) == {}
    assert differences({"a": 1}, {"b": 1}).keys() == {"a", "b"}
    assert differences({"d": True}, {"d": 1}).keys() == {"d"}
    assert RowContext().markets == {}
