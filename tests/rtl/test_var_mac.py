"""Is every product of every width exact? All pairs of weight and activation, in every place of a word."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.hdl.cache import cached
from archsim.hdl.export import emit, module_name
from archsim.hdl.verify.cosim import require, verilator
from archsim.hdl.verify.native import amaranth_run
from archsim.hdl.verify.run import check
from archsim.units.cores._ints import signed
from archsim.units.cores.var_mac import CHANNELS, DIGITS, PACKED, WIDTHS, VarMac

COMMON = """
  reg clk = 0, rst = 0, valid = 0;
  reg [1:0] mode = 0;
  reg [31:0] n = 0, wrong = 0, seen = 0;
  reg [2:0] pending = 0;
  wire ready, given;
  reg deaf;
  initial deaf = $test$plusargs("deaf") != 0;
  wire [1:0] told = deaf ? 2'd1 : mode;
  always @(posedge clk) begin
    valid <= 1; n <= n + 1; mode <= n / COUNT; w <= WORD; a <= ACTIVATIONS;
    pending <= {pending[1:0], valid};
    late[2] <= late[1]; late[1] <= late[0]; late[0] <= expected;
    if (given != pending[2]) wrong <= wrong + 1;
    if (given) begin
      seen <= seen + 1;
      if (sum !== late[2]) wrong <= wrong + 1;
    end
  end
  initial begin
    repeat (3 * COUNT + 4) begin #1 clk = 1; #1 clk = 0; end
    $display("seen %0d wrong %0d", seen, wrong);
    $finish;
  end
"""
DIGITS_BENCH = """
module bench;
  localparam COUNT = 65536;
  reg [7:0] w; reg [31:0] a;
  wire [31:0] sum; reg [31:0] late [0:2];
  function automatic [31:0] by(input [7:0] word, input integer bits, input integer at, input [7:0] act);
    reg signed [31:0] weight; reg signed [7:0] x;
    begin
      weight = {24'b0, word} << (32 - bits * (at + 1)); weight = weight >>> (32 - bits); x = act; by = weight * x;
    end
  endfunction
  wire [31:0] expected =
    mode == 0 ? by(w, 2, 0, a[7:0]) + by(w, 2, 1, a[15:8]) + by(w, 2, 2, a[23:16]) + by(w, 2, 3, a[31:24]) :
    mode == 1 ? by(w, 4, 0, a[7:0]) + by(w, 4, 1, a[15:8]) : by(w, 8, 0, a[7:0]);
COMMON
  NAME dut(.clk(clk), .rst(rst), .i_valid(valid), .i_ready(ready), .i_mode(told), .i_first(1'b1), .i_last(1'b1),
    .i_w(w), .i_a(a), .o_valid(given), .o_ready(1'b1), .o_sum(sum));
endmodule
"""
DSP_BENCH = """
module bench;
  localparam COUNT = 65536;
  reg [15:0] w; reg [7:0] a;
  wire [95:0] sum; reg [95:0] late [0:2];
  function automatic [31:0] by(input [15:0] word, input integer bits, input integer at, input [7:0] act);
    reg signed [31:0] weight; reg signed [7:0] x;
    begin
      weight = {16'b0, word} << (32 - bits * (at + 1)); weight = weight >>> (32 - bits); x = act; by = weight * x;
    end
  endfunction
  wire [95:0] expected =
    mode == 0 ? {by(w, 2, 2, a), by(w, 2, 1, a), by(w, 2, 0, a)} :
    mode == 1 ? {32'b0, by(w, 4, 1, a), by(w, 4, 0, a)} : {32'b0, by(w, 8, 1, a), by(w, 8, 0, a)};
COMMON
  NAME dut(.clk(clk), .rst(rst), .i_valid(valid), .i_ready(ready), .i_mode(told), .i_first(1'b1), .i_last(1'b1),
    .i_w(w), .i_a(a), .o_valid(given), .o_ready(1'b1), .o_sum(sum));
endmodule
"""
STIMULI = {
    # Place k sees the activation plus 77 k: over all n, each place meets every pair.
    "digits": ("n[7:0]", "{n[15:8] + 8'd231, n[15:8] + 8'd154, n[15:8] + 8'd77, n[15:8]}"),
    # The upper weight is another one than the lower, and runs through all of them too: 167 is odd.
    "dsp": ("n < 2 * COUNT ? {8'b0, n[7:0]} : {n[7:0] * 8'd167 + 8'd13, n[7:0]}", "n[15:8]"),
}


def run_bench(spec: VarMac, *options_at_run: str) -> str:
    """Compile bench and unit with Verilator, run it, and return what it prints."""
    verilog = emit(spec)
    require("verilator")
    word, activations = STIMULI[spec.packing]
    own = DIGITS_BENCH if spec.packing == "digits" else DSP_BENCH
    bench = own.replace("COMMON", COMMON)
    for name, text in (("NAME", module_name(spec)), ("WORD", word), ("ACTIVATIONS", activations)):
        bench = bench.replace(name, text)

    def build(folder: Path) -> None:
        (folder / "bench.v").write_text(bench)
        (folder / "unit.v").write_text(verilog)
        options = ["--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-CFLAGS", "-std=c++20 -fcoroutines -O0"]
        command = [verilator(), *options, "--Mdir", "built", "--top-module", "bench", "bench.v", "unit.v"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    made = cached("var-mac-exhaustive", bench + verilog, build)
    return subprocess.run(
        [made / "built" / "Vbench", *options_at_run], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("packing", ["digits", "dsp"])
def test_rtl_is_exact_for_all_weights_and_activations(packing: Any) -> None:
    """The exported Verilog against Verilog's own signed multiplication: 65,536 beats for each width."""
    spec = VarMac(packing=packing, lanes=1)
    seen = 3 * 65536
    assert f"seen {seen} wrong 0" in run_bench(spec)


def test_the_exhaustive_bench_finds_wrong_products() -> None:
    """A unit that takes every weight for int4 is right in one beat of three and where it happens not to matter."""
    found = re.search(r"seen 196608 wrong (\d+)", run_bench(VarMac(lanes=1), "+deaf"))
    assert found is not None
    assert 100_000 < int(found[1]) < 131_072


@pytest.mark.parametrize("packing", ["digits", "dsp"])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_golden_is_exact_for_all_weights_and_activations(packing: Any, mode: int) -> None:
    spec = VarMac(packing=packing, lanes=1)
    width, places = WIDTHS[mode], len(spec.weights(0, mode))
    used = min(width * places, 8)
    for word in range(1 << used):
        upper = word * 167 + 13 & 0xFF if width == 8 and places == 2 else 0
        weights = np.array(spec.weights(word | upper << 8, mode))
        for activation in range(0, 256, 1 if word % 16 == 0 or width < 8 else 15):
            a = (activation,) * (DIGITS if packing == "digits" else 1)
            beat = {"mode": mode, "first": 1, "last": 1, "w": word | upper << 8, "a": a if len(a) > 1 else a[0]}
            found = spec.products(beat)
            exact = weights * signed(activation, 8)
            assert found == ((exact.sum(),) if packing == "digits" else (*exact, *[0] * (3 - places)))


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["digits", "dsp"]),
    st.sampled_from([1, 2, 3, 7]),
    st.sampled_from([20, 32, 64]),
    st.integers(0, 999),
)
def test_rtl_equals_golden_for_other_parameters(packing: Any, lanes: int, sum_bits: int, seed: int) -> None:
    """Groups of beats of all widths, with a receiver that waits now and then."""
    spec = VarMac(packing=packing, lanes=lanes, sum_bits=sum_bits)
    beats = spec.stimulus(np.random.default_rng(seed), 25)
    run = amaranth_run(spec, beats, ready=lambda cycle: cycle % 3 != seed % 3)
    check(spec, beats, [0] * len(beats), lambda cycle: cycle % 3 != seed % 3, run)


def test_weights_come_back_from_their_word() -> None:
    for packing in ("digits", "dsp"):
        spec = VarMac(packing=packing)
        for mode, weights in ((0, (-2, 1, 0, -1)), (1, (-8, 7)), (2, (-128, 127))):
            kept = weights[: len(spec.weights(0, mode))]
            assert spec.weights(spec.word(kept, mode), mode) == kept


def test_peak_products_and_packing_are_those_of_the_rule() -> None:
    """The widest packed operand is what k products of w-bit weights and 8-bit activations need."""
    digits, dsp = VarMac(lanes=1), VarMac(packing="dsp", lanes=1)
    assert [digits.macs(width) for width in (2, 4, 8)] == [4, 2, 1]
    assert [dsp.macs(width) for width in (2, 4, 8)] == [3, 2, 2]
    needs = [(count - 1) * (8 + width) + width + 1 for width, count in zip(WIDTHS, CHANNELS, strict=True)]
    assert max(needs) == PACKED == 25


@pytest.mark.parametrize("wrong", [{"lanes": 0}, {"lanes": 65}, {"packing": "lut"}, {"sum_bits": 16}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VarMac(**wrong)
