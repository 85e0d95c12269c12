"""`archsim tile`: what it prints, what a file of levels changes, and what it says to wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

TWO_LEVELS = """\
name: tiny
levels:
  - {name: memory, bandwidth: 16, energy: 100 pJ}
  - {name: buffer, capacity: 4 KiB}
array: {rows: 4, cols: 4, unroll: best}
"""


def test_json_has_tiles_bound_and_proof(cli: Cli) -> None:
    done = cli("tile", "gemm:128,12288,4096", "--json")
    assert done.code == 0
    assert done.json["tiles"] == {"L2": {"m": 128, "n": 768, "k": 128}, "L1": {"m": 64, "n": 16, "k": 128}}
    assert not done.json["proved"]  # tiles of other sizes may be better
    assert done.json["bound"] <= done.json["objective"]
    assert done.json["gap"] == pytest.approx(done.json["objective"] / done.json["bound"] - 1)


def test_the_table_says_what_stays_and_what_limits(cli: Cli) -> None:
    done = cli("tile", "gemm:128,12288,4096")
    assert (done.code, done.err) == (0, "")
    assert "the best of all tiles of these sizes and all loop orders" in done.out
    assert "limited by computing, at 100 % of the array's peak" in done.out
    assert "outputs stay while k runs" in done.out
    assert "58,720,256" in done.out


def test_levels_and_widths_come_from_the_user(cli: Cli) -> None:
    Path("levels.yaml").write_text(TWO_LEVELS)
    eight, four = (
        cli("tile", "gemm:1,256,256", "--levels", "levels.yaml", "--bits", bits, "--json", "--metric", "energy").json
        for bits in ("8,8,32,8", "8,4,32,8")
    )
    assert eight["hierarchy"] == "tiny"
    assert eight["links"][0]["down"] == 256 * 256 + 256
    assert four["links"][0]["down"] == 256 * 128 + 256


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("gemm:128,12288",), "needs M,N,K, got 2 sizes"),
        (("softmax:1,2",), "cannot tile 'softmax'"),
        (("gemm:1,2,3", "--metric", "area"), "unknown metric 'area'"),
        (("gemm:1,2,3", "--method", "luck"), "unknown method 'luck'"),
        (("gemm:1,2,3", "--sizes", "odd"), "unknown sizes 'odd'"),
        (("gemm:1,2,3", "--bits", "8"), "not three or four numbers"),
        (("gemm:1,2,3", "--bits", "0,8,8"), "input_bits is 0"),
        (("gemm:1,2,3", "--levels", "none.yaml"), "no such file"),
        (("gemm:1,2,3", "--time-limit", "0"), "seconds is 0"),
    ],
)
def test_wrong_input_is_code_2(cli: Cli, args: tuple[str, ...], said: str) -> None:
    done = cli("tile", *args)
    assert done.code == 2
    assert said in done.err


def test_a_file_with_a_slip_names_the_line(cli: Cli) -> None:
    Path("levels.yaml").write_text(TWO_LEVELS.replace("capacity: 4 KiB", "capacity: 0 B"))
    done = cli("tile", "gemm:1,2,3", "--levels", "levels.yaml")
    assert done.code == 2
    assert "level 'buffer' has capacity 0 B" in done.err
    Path("levels.yaml").write_text(TWO_LEVELS.replace("bandwidth", "bandwidth_"))
    done = cli("tile", "gemm:1,2,3", "--levels", "levels.yaml")
    assert "levels.yaml:3" in done.err
    assert "did you mean 'bandwidth'" in done.err


def test_what_cannot_fit_is_code_1(cli: Cli) -> None:
    Path("levels.yaml").write_text(TWO_LEVELS.replace("capacity: 4 KiB", "capacity: 8 B"))
    done = cli("tile", "gemm:1,2,3", "--levels", "levels.yaml")
    assert done.code == 1
    assert "not even one element of each operand fits" in done.err
    assert "needs 48 bit, has 32 bit" in done.err
