"""`archsim allocate`: what it prints, and what it says to a wrong file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.mappers_allocation.test_reference_sets import SETS

EXAMPLE = str(SETS / "input.12.csv")
GOOD = "id,lower,upper,size\nx,0,2,4\ny,1,3,4\n"


def test_json_has_the_headline(cli: Cli) -> None:
    done = cli("allocate", EXAMPLE, "--capacity", "12", "--json")
    assert done.code == 0
    assert {key: done.json[key] for key in ("height", "lower_bound", "valid", "fits", "proof")} == {
        "height": 12, "lower_bound": 12, "valid": True, "fits": True, "proof": "optimal",
    }  # fmt: skip
    assert done.json["seconds"] >= 0
    assert set(done.json["offsets"]) == {"b1", "b2", "b3", "b4", "b5"}


def test_a_table_and_a_sketch_are_printed_and_a_picture_is_written(cli: Cli) -> None:
    done = cli("allocate", EXAMPLE, "--capacity", "12", "--plot", "out.svg")
    assert (done.code, done.err) == (0, "")
    assert "objective 12, bound 12, gap 0.00 %, proved, " in done.out
    assert done.out.splitlines()[-1] == "a" * 21
    assert "<svg" in Path("out.svg").read_text()


def test_what_does_not_fit_ends_with_1_and_the_lowest_height(cli: Cli) -> None:
    done = cli("allocate", EXAMPLE, "--capacity", "11", "--json")
    assert (done.code, done.json["fits"], done.json["height"], done.json["proof"]) == (1, False, 12, "infeasible")
    done = cli("allocate", EXAMPLE, "--capacity", "3")
    assert done.code == 1
    assert "buffer 'b1' alone needs 4 B (proved)" in done.out


@pytest.mark.parametrize(
    "text",
    [
        "size,upper,lower,buffer_id\n4,2,0,x\n4,3,1,y\n",
        "buffer,start,end,size\nx,0,1,4\ny,1,2,4\n",
        "\ufeffid , begin, upper ,size\r\nx,0,2,4\r\n\r\ny, 1,3,4\r\n",
        "id,lower,upper,size,alignment,gaps,offset,colour\nx,0,2,4,1,,,red\ny,1,3,4,1,,,blue\n",
    ],
)
def test_other_columns_and_orders_mean_the_same(cli: Cli, text: str) -> None:
    Path("good.csv").write_text(GOOD)
    Path("other.csv").write_text(text)
    one, other = (cli("allocate", name, "--json").json for name in ("good.csv", "other.csv"))
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert one["height"] == 8


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("", (), "b.csv  the file is empty"),
        ("id,lower,upper,size\n", (), "b.csv  there are no buffers"),
        ("id,lower,upp,size\nx,0,1,4\n", (), "b.csv:1  column 'upper' is missing, did you mean 'upp'?"),
        ("id,lower,upper,size,alignm\nx,0,1,4,8\n", (), "b.csv:1  column 'alignm', did you mean 'alignment'?"),
        ("id,lower,upper,size,size\nx,0,1,4,4\n", (), "b.csv:1  column 'size' is there twice"),
        ("id,lower,upper,size\nx,0,1,-4\n", (), "b.csv:2  buffer 'x': size is -4"),
        ("id,lower,upper,size\nx,3,3,4\n", (), "b.csv:2  buffer 'x': upper is 3, not after lower, 3"),
        (GOOD + "x,0,1,1\n", (), "b.csv:4  id 'x' was already on line 2"),
        (GOOD + "z,0,1\n", (), "b.csv:4  3 fields"),
        (GOOD + "z,0,1,4k\n", (), "b.csv:4  size is '4k'"),
        ("id,lower,upper,size,gaps\nx,0,9,4,3to5\n", (), "b.csv:2  gap '3to5'"),
        ("\x00\x01PNG", (), "b.csv:1  "),
        (GOOD, ("--capacity", "0"), "capacity is 0"),
        (GOOD, ("--capacity", "-5"), "capacity is -5"),
        (GOOD, ("--capacity", "lots"), "--capacity  "),
        (GOOD, ("--nodes", "-1"), "nodes is -1"),
        (GOOD, ("--time-limit", "0"), "seconds is 0"),
        (GOOD, ("--plot", "b.gif"), "--plot  cannot draw 'b.gif'"),
    ],
)
def test_wrong_input_is_said_with_its_line(cli: Cli, text: str, words: tuple[str, ...], message: str) -> None:
    Path("b.csv").write_text(text)
    done = cli("allocate", "b.csv", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_all_wrong_lines_are_said_at_once(cli: Cli) -> None:
    Path("b.csv").write_text("id,lower,upper,size\nx,3,1,4\ny,0,1,z\n")
    done = cli("allocate", "b.csv", "--capacity", "9")
    assert done.code == 2
    assert "b.csv:2  " in done.err
    assert "b.csv:3  " in done.err


def test_a_file_that_is_not_there_and_bytes_that_are_no_text(cli: Cli) -> None:
    assert "nowhere.csv  no such file" in cli("allocate", "nowhere.csv").err
    Path("b.csv").write_bytes(b"\xff\xfe\x00\x80")
    done = cli("allocate", "b.csv")
    assert (done.code, done.out) == (2, "")
    assert "b.csv  not a text file" in done.err
