"""A cascade that cannot be computed is refused, with the einsum and the rank; YAML and Python mean the same."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.cascade.cascade import Cascade, partition
from archsim.ir.cascade.einsum import BadCascade
from archsim.ir.cascade.file import KIND, bundled_file, load_cascade, names

SOFTMAX: dict[str, Any] = {
    "inputs": ["X[p,m]"],
    "outputs": ["A"],
    "einsums": [
        "GM[p] = max(m) X[p,m]",
        "SN[p,m] = exp(X[p,m] - GM[p])",
        "SD[p] = sum(m) SN[p,m]",
        "A[p,m] = SN[p,m] / SD[p]",
    ],
}
STATE: dict[str, Any] = {
    "inputs": ["X[t,n]"],
    "outputs": ["Y"],
    "initial": {"S": 0},
    "einsums": ["S[t+1,n] = S[t,n] + X[t,n]", "Y[n] = S[T,n] / 2"],
}


def changed(base: dict[str, Any], einsum: int = -1, text: str = "", **keys: Any) -> dict[str, Any]:
    einsums = list(base["einsums"])
    if text:
        einsums[einsum] = text
    return {**base, "einsums": einsums, **keys}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (changed(SOFTMAX, 0, "GM[p] = max(m) SN[p,m]"), "einsum GM", r"reads SN\[p,m\] before it is produced"),
    (changed(SOFTMAX, 0, "GM[p] = max(m) Z[p,m]"), "einsum GM", r"reads Z\[p,m\], but nothing produces Z"),
    (changed(SOFTMAX, 2, "SD[p] = SN[p,m]"), "einsum SD", r"rank m of SN\[p,m\] disappears without a reduction"),
    (changed(SOFTMAX, 2, "SD[p] = sum(q) SN[p,m]"), "einsum SD", "rank q is reduced, but no operand has it"),
    (changed(SOFTMAX, 2, "SD[p,m] = sum(m) SN[p,m]"), "einsum SD", "rank m is reduced and also a rank of the output"),
    (changed(SOFTMAX, 2, "SD[p,q] = sum(m) SN[p,m]"), "einsum SD", "rank q of the output is a rank of no operand"),
    (changed(SOFTMAX, 2, "SD[p] = sum(m) SN[m]"), "einsum SD", r"reads SN\[m\] with 1 ranks, but SN\[p,m\] has 2"),
    (changed(SOFTMAX, 2, "GM[p] = sum(m) SN[p,m]"), "einsum GM", "produces GM a second time"),
    (changed(SOFTMAX, 2, "X[p] = sum(m) SN[p,m]"), "einsum X", "produces X a second time"),
    (changed(SOFTMAX, 3, "A[p,m] = SN[p,m] / Q"), "einsum A", "Q is the size of no rank"),
    (changed(SOFTMAX, 3, "A[p,m] = SN[p,m+1] / SD[p]"), "einsum A", "is a step of rank m"),
    (changed(SOFTMAX, 3, "A[p,m,m] = SN[p,m] / SD[p]"), "einsum A", "rank m is twice in the output"),
    (changed(SOFTMAX, 3, "A[p,m//2] = SN[p,m] / SD[p]"), "einsum A", "index m//2 cannot be written to"),
    (changed(SOFTMAX, 3, "A[p,m] = max(SN[p,m])"), "einsum A", "max has 1 operands"),
    (changed(SOFTMAX, outputs=["B"]), "output B", "is never produced"),
    (changed(SOFTMAX, outputs=["X"]), "output X", "is never produced"),
    (changed(SOFTMAX, outputs=[]), "cascade c", "has no output"),
    (changed(SOFTMAX, initial={"GM": 0}), "initial GM", "is not a state"),
    (changed(SOFTMAX, sizes={"Q": 3}), "size Q", "is the size of no rank"),
    (changed(SOFTMAX, sizes={"M": 0}), "size M", "0 is too small"),
    (changed(SOFTMAX, masks=["causal(k,p)"]), "mask causal(k,p)", "no tensor has the rank k"),
    (changed(SOFTMAX, inputs=["X[p,m]", "X[p,m]"]), "input X", "is given twice"),
    (changed(SOFTMAX, partitions={"q": ["q1", "q0"]}), "partition of q", "no tensor has the rank q"),
    (changed(SOFTMAX, partitions={"m": ["m1", "m1"]}), "partition of m", "m1 and m1 are not two new ranks"),
    (changed(SOFTMAX, partitions={"m": ["m1"]}), "partition of m", "is not two ranks"),
    (changed(SOFTMAX, partitions={"m": ["m1", "m0"]}, sizes={"M1": 2}), "size M1", "cannot be given"),
    (changed(STATE, initial={}), "einsum S", "the state S has no value before the first step of rank t"),
    (changed(STATE, 0, "S[t+1,n] = S[t+1,n] + X[t,n]"), "einsum S", r"reads S\[t\+1,n\] before it is produced"),
    (changed(STATE, 0, "S[t+1,n] = S[T,n] + X[t,n]"), "einsum S", r"reads S\[T,n\] before it is produced"),
    (changed(STATE, 0, "S[t+1,n+1] = S[t,n] + X[t,n]"), "einsum S", "runs over t and n"),
    (changed(STATE, 1, "Y[n,t] = S[n,t] / 2"), "einsum Y", "is not on the running rank t"),
    (changed(STATE, partitions={"t": ["t1", "t0"]}), "einsum S", "runs along t, which is cut into tiles"),
]


@pytest.mark.parametrize(("given", "where", "what"), WRONG)
def test_what_cannot_be_is_refused(given: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(BadCascade, match=what) as error:
        Cascade.of("c", **given)
    assert error.value.where == where
    assert pickle.loads(pickle.dumps(error.value)).key == error.value.key


@pytest.mark.parametrize(("given", "where", "what"), WRONG)
def test_a_file_names_the_line(given: dict[str, Any], where: str, what: str, tmp_path: Path) -> None:
    path = written(tmp_path, given)
    lines = path.read_text().splitlines()
    with pytest.raises(BadInput) as error:
        load_cascade(path)
    number = int(error.value.where.rpartition(":")[2])
    name = where.rsplit(maxsplit=1)[-1]
    if where.startswith("einsum"):
        assert lines[number - 1].startswith((f"- {name}[", f"- '{name}["))
    assert 1 <= number <= len(lines)


def written(folder: Path, given: dict[str, Any]) -> Path:
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump({"kind": KIND, **given}, default_flow_style=False, width=1000))
    return path


@pytest.mark.parametrize("given", [SOFTMAX, STATE])
def test_yaml_and_python_give_equal_objects(given: dict[str, Any], tmp_path: Path) -> None:
    made = Cascade.of("c", **given)
    read = load_cascade(written(tmp_path, given))
    assert made == read
    assert hash(made) == hash(read)


@pytest.mark.parametrize("name", names())
def test_bundled_cascades_read_back_from_their_parts(name: str) -> None:
    cascade = load_cascade(name)
    again = Cascade.of(
        name,
        inputs=[str(access) for access in cascade.inputs],
        einsums=[str(einsum) for einsum in cascade.einsums],
        outputs=cascade.outputs,
        partitions={cut.rank: (cut.outer, cut.inner) for cut in cascade.partitions},
        initial=dict(cascade.initial),
        sizes=dict(cascade.sizes),
        masks=[str(mask) for mask in cascade.masks],
    )
    assert again == cascade
    assert pickle.loads(pickle.dumps(cascade)) == cascade
    path = bundled_file(name)
    assert path is not None
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_a_rank_with_two_sizes() -> None:
    with pytest.raises(BadCascade, match=r"einsum QK, .*rank kv has two sizes"):
        load_cascade("attention-3-pass").sized(H=8, KV=4)
    load_cascade("attention-3-pass").sized(H=8, KV=4, G=2)
    with pytest.raises(BadCascade, match="rank n has two sizes, 4 and 3"):
        Cascade.of("c", inputs=["A[m]", "B[n]"], einsums=["C[m] = A[m] * B[m]"], outputs=["C"], sizes={"M": 3, "N": 4})


def test_a_state_that_needs_its_own_end() -> None:
    einsums = ["A[t] = X[t] * S[t]", "Z[] = sum(t) A[t]", "S[t+1] = S[t] + Z[]"]
    with pytest.raises(BadCascade, match=r"needs .* of later steps"):
        Cascade.of("c", inputs=["X[t]"], einsums=einsums, outputs=["Z"], initial={"S": 0})


def test_two_running_ranks_in_one_einsum() -> None:
    einsums = ["S[t+1,n] = S[t,n] + X[t,n]", "U[t,n+1] = U[t,n] + X[t,n]"]
    with pytest.raises(BadCascade, match="running ranks t and n"):
        Cascade.of("c", inputs=["X[t,n]"], einsums=einsums, outputs=["U"], initial={"S": 0, "U": 0})


def test_partitions() -> None:
    tiled = partition(load_cascade("softmax"), "m", 8)
    assert tiled.leaves("m") == ("m1", "m0")
    assert partition(tiled, "m0", 2).leaves("m") == ("m1", "m01", "m00")
    with pytest.raises(BadCascade, match="is cut twice"):
        partition(tiled, "m", 4, outer="k1", inner="k0")
    with pytest.raises(BadCascade, match="are not two new ranks"):
        partition(tiled, "p", 4, outer="m1")
    with pytest.raises(BadCascade, match="tile size T"):
        partition(load_cascade("softmax"), "m", "T")


def test_names_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'softmax'"):
        load_cascade("sofmax")
    (tmp_path / "a.yaml").write_text("kind: sram\n")
    with pytest.raises(BadInput, match="not a cascade"):
        load_cascade(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("base: softmax\nmasks: ['causal(m,p)']\n")
    assert load_cascade(tmp_path / "b.yaml").masks == load_cascade("softmax").masked("causal(m,p)").masks
    (tmp_path / "c.yaml").write_text("base: softmax\noutpts: [A]\n")
    with pytest.raises(BadInput, match="outputs"):
        load_cascade(tmp_path / "c.yaml")
