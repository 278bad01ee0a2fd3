"""The exported layer: loaded with plain NumPy, beside loops in fractions and `uand.readoff`."""

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uand
from uand import interference, layerfile, neurons, readoff
from uand.backend import random_stream
from uand.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROUNDING = 2.0**-24  # of a float32, relative
AT: dict[str, Any] = {"m": 9, "d": 40, "ell": 4, "p": 0.3}
SPARSE: dict[str, Any] = {"m": 9, "d": 7, "ell": 3, "p": 0.3}  # many pairs have an empty group


def estimate_by_hand(
    W: Any, z: Any, pair: tuple[int, int], kind: str, scale: Fraction
) -> Fraction | None:
    """Return the read-off of one pair, by loops over the neurons; None where it has none."""
    groups: dict[tuple[int, int], list[int]] = {(1, 1): [], (1, 0): [], (0, 1): [], (0, 0): []}
    for row, value in zip(W, z, strict=True):
        groups[int(row[pair[0]]), int(row[pair[1]])].append(int(value))
    used = [(1, 1)] if kind == "mean" else list(groups)
    if any(not groups[g] for g in used):
        return None
    means = {g: Fraction(sum(groups[g]), len(groups[g])) for g in used}
    if kind == "mean":
        return means[1, 1]
    return (means[1, 1] - means[1, 0] - means[0, 1] + means[0, 0]) / scale


def random_features(m: int, n: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random((n, m)) < 0.4).astype(np.float32)


@pytest.mark.parametrize("kind", ["mean", "contrast"])
@pytest.mark.parametrize("at", [AT, SPARSE], ids=["covered", "sparse"])
@pytest.mark.parametrize("pairs", [None, [(3, 1), (0, 8), (8, 0), (3, 1)]], ids=["all", "chosen"])
def test_two_lines_of_numpy_are_the_readoff(
    at: dict[str, Any], kind: str, pairs: Any, tmp_path: Path
) -> None:
    done = uand.export(**at, out=tmp_path / "layer.npz", readoff=kind, pairs=pairs, seed=3)

    layer = np.load(tmp_path / "layer.npz")
    W, bias, R = layer["W"], layer["bias"], layer["R"]

    f = random_features(at["m"], 12, seed=1)
    z = np.maximum(f @ W.T + bias, 0)
    y = z @ R.T
    assert y.dtype == np.float32
    wanted = list(itertools.combinations(range(at["m"]), 2)) if pairs is None else pairs
    assert layer["pairs"].tolist() == [list(pair) for pair in wanted]
    scale = (1 - Fraction(str(at["p"]))) ** (at["ell"] - 2)
    # One rounding for each weight, and one for each term and sum of the product.
    allowed = (at["d"] + 2) * ROUNDING * (z @ np.abs(R).T)
    for n, features in enumerate(f):
        on = set(np.flatnonzero(features).tolist())
        by_hand = [max(len(on & set(np.flatnonzero(row).tolist())) - 1, 0) for row in W]
        assert z[n].tolist() == by_hand
        for k, pair in enumerate(wanted):
            estimate = estimate_by_hand(W, by_hand, pair, kind, scale)
            assert layer["covered"][k] == (estimate is not None)
            if estimate is None:
                assert np.isnan(y[n, k])
            else:
                assert abs(Fraction(float(y[n, k])) - estimate) <= allowed[n, k]
    bits, chosen = W.astype(np.uint8), layer["pairs"]
    direct = (
        readoff.mean_readoff(z, bits, chosen)
        if kind == "mean"
        else readoff.contrast_readoff(z, bits, chosen, at["ell"], at["p"])
    )
    assert np.array_equal(np.isnan(direct), np.isnan(y))
    assert (np.isnan(y) | (np.abs(y - direct) <= allowed)).all()
    assert done.uncovered == (~layer["covered"]).sum()
    assert done.pairs == len(wanted)


@pytest.mark.parametrize("kind", ["mean", "contrast"])
def test_a_pair_without_an_estimate_never_reads_0(kind: str) -> None:
    W = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=np.uint8)
    R, covered = layerfile.readoff_matrix(W, layerfile.all_pairs(4), kind, 2, 0.5)
    assert covered.tolist() == [True] + 5 * [False]
    assert np.isnan(R[1:]).all()
    signs = [1, 0, 0, 0] if kind == "mean" else [1, -1, -1, 1]
    assert R[0].tolist() == signs
    # One group empty is enough for the contrast to be undefined, whichever it is.
    for row in range(4):
        left = np.delete(W, row, axis=0)
        _, covered = layerfile.readoff_matrix(left, [(0, 1)], kind, 2, 0.5)
        assert covered.tolist() == [kind == "mean" and row != 0]


def test_all_pairs_are_in_the_order_of_the_square(tmp_path: Path) -> None:
    uand.export(**AT, out=tmp_path / "a.npz")
    layer = np.load(tmp_path / "a.npz")
    active = [1, 4, 5, 7]
    z = neurons.activations_from_set(layer["W"].astype(np.uint8), active)
    square = readoff.mean_readoff_all(z, layer["W"])
    alpha, beta = layer["pairs"].T
    np.testing.assert_allclose(layer["R"] @ z, square[alpha, beta], rtol=50 * ROUNDING)
    assert (alpha < beta).all()
    assert len(alpha) == 9 * 8 // 2


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    W = neurons.sample_layer(9, 40, 0.3, random_stream(1))
    at = (W, layerfile.all_pairs(9), "contrast", 4, 0.3)
    whole = layerfile.readoff_matrix(*at)
    for block in (1, 40, 130):
        monkeypatch.setattr(layerfile, "BLOCK", block)
        for part, all_of_it in zip(layerfile.readoff_matrix(*at), whole, strict=True):
            np.testing.assert_array_equal(part, all_of_it)


def test_the_file_describes_itself_and_loads_without_pickle(tmp_path: Path) -> None:
    out = tmp_path / "layer.npz"
    uand.export(**AT, out=out, readoff="contrast", seed=5)
    layer = np.load(out, allow_pickle=False)
    shapes = {"W": (40, 9), "bias": (40,), "pairs": (36, 2), "R": (36, 40), "covered": (36,)}
    types = {"W": "float32", "bias": "float32", "pairs": "int64", "R": "float32", "covered": "bool"}
    scalars = {"m": 9, "d": 40, "ell": 4, "p": 0.3, "seed": 5, "readoff": "contrast"}
    assert set(layer) == {*shapes, *scalars, "version"}
    for name, shape in shapes.items():
        assert layer[name].shape == shape
        assert layer[name].dtype == types[name]
    for name, value in (scalars | {"version": uand.__version__}).items():
        assert layer[name].shape == ()
        assert layer[name].item() == value
    assert (layer["bias"] == -1).all()


def test_the_layer_is_the_first_that_simulate_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[np.ndarray] = []
    original = interference.pair_histogram

    def remember(W: Any, *rest: Any) -> Any:
        seen.append(np.array(W))
        return original(W, *rest)

    monkeypatch.setattr(interference, "pair_histogram", remember)
    uand.simulate(**AT, eps=0.5, layers=2, seed=11)
    for change in ({}, {"readoff": "contrast"}, {"ell": 2}, {"pairs": [(0, 1)]}):
        uand.export(**(AT | change), out=tmp_path / "layer.npz", seed=11)
        W = np.load(tmp_path / "layer.npz")["W"]
        assert np.array_equal(W, seen[0])
        assert not np.array_equal(W, seen[1])


def test_a_seed_means_the_same_bytes(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.npz", "b.npz", "c.npz")]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        uand.export(**AT, out=file, seed=seed)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other
    process = "import sys, uand; uand.export(9, 40, 4, 0.3, sys.argv[1])"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", process, files[2]], check=True, env=environment)
    assert files[2].read_bytes() == first


# --- the command and the README -----------------------------------------------------------------


def options(file: Path, **change: Any) -> list[str]:
    return [f"--{k}={v}" for k, v in (AT | {"out": file} | change).items()]


def test_the_command_writes_what_python_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = tmp_path / "a.npz", tmp_path / "b"  # the name is taken as it is given
    more = {"readoff": "contrast", "seed": 4}
    assert main(["export", *options(a, **more), "--pairs", "0,1", "7,4", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    done = uand.export(**AT, **more, out=str(b), pairs=[(0, 1), (7, 4)])
    assert a.read_bytes() == b.read_bytes()
    assert printed == done.as_dict() | {"out": str(a)}
    assert list(printed) == [*AT, "seed", "readoff", "pairs", "uncovered", "out"]
    assert sorted(tmp_path.iterdir()) == [a, b]
    assert main(["export", *options(a)]) == 0
    assert capsys.readouterr().out.startswith(f"{a}: 9 features, 40 neurons, 36 pairs, ")
    assert np.load(a)["readoff"] == "mean"


def test_a_name_that_is_no_text_is_a_file_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any bytes but two may be a file's name; what cannot be printed is escaped."""
    out = tmp_path / "\udcff.npz"
    assert main(["export", *options(out)]) == 0
    assert r"\udcff.npz: " in capsys.readouterr().out
    assert np.load(out)["readoff"] == "mean"


def test_the_readme_loads_what_its_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = [sys.executable, str(ROOT / ".ci" / "readme_command.py"), "export"]
    command = subprocess.run(script, check=True, capture_output=True, text=True).stdout.split()
    assert command[:2] == ["uand", "export"]
    assert main(command[1:]) == 0
    capsys.readouterr()
    (block,) = re.findall(r"^<!-- code: load -->\n```python\n(.*?)^```$", README, re.M | re.S)
    names: dict[str, Any] = {}
    exec(block, names)
    layer, y = names["layer"], names["y"]
    m, p, ell = (layer[name].item() for name in ("m", "p", "ell"))
    W = neurons.sample_layer(m, layer["d"].item(), p, random_stream(0, 0, 0))
    z = neurons.activations_from_set(W, [2, 3, 7])
    wanted = readoff.contrast_readoff(z[None, :], W, layer["pairs"], ell, p)
    np.testing.assert_allclose(y, wanted, atol=1e-4)
    on = [layer["pairs"].tolist().index(pair) for pair in ([2, 3], [2, 7], [3, 7])]
    assert y[0, on].mean() > 0.5 > np.abs(np.delete(y[0], on)).mean()


# --- what cannot be written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"p": "1.5"}, "p = 1.5: must be a number from 0 to 1"),
        ({"p": "nan"}, "p = nan: must be a number from 0 to 1"),
        ({"p": "0", "readoff": "contrast"}, "p = 0: must be more than 0"),
        ({"p": "half"}, "'half': must be a number"),
        ({"ell": "10"}, "ell = 10: must be an integer from 0 to m = 9"),
        ({"ell": "-1"}, "ell = -1: must be an integer"),
        ({"ell": "1", "readoff": "contrast"}, "ell = 1: must be an integer from 2 to m = 9"),
        ({"ell": "2.5"}, "'2.5': must be a whole number"),
        ({"m": "3000", "ell": "3000", "p": "0.5", "readoff": "contrast"}, "p = 0.5: must leave a"),
        ({"m": "1"}, "m = 1: must be an integer of at least 2"),
        ({"d": "0"}, "d = 0: must be an integer of at least 1"),
        ({"d": "1" + "0" * 400}, "must need less memory than the"),
        ({"m": "100000000"}, "m = 100000000, d = 40, pairs = 4999999950000000: must need less"),
        ({"seed": "-1"}, "seed = -1: must be an integer"),
        ({"seed": str(2**63)}, f"seed = {2**63}: must be an integer"),
        ({"readoff": "centred"}, "choose from"),
        ({"pairs": "0,9"}, "pairs holds (0, 9): must be two features from 0 to m - 1 = 8"),
        ({"pairs": "-1,3"}, "pairs holds (-1, 3): must be two features"),
        ({"pairs": "3,3"}, "pairs holds (3, 3): must be two different features"),
        ({"pairs": "3"}, "'3': must be two features, as in 0,1"),
        ({"pairs": "0,1,2"}, "'0,1,2': must be two features, as in 0,1"),
        ({"pairs": "0;1"}, "'0;1': must be two features, as in 0,1"),
        ({"pairs": "9" * 30 + ",1"}, "pairs = array of object, shape (1, 2): must be integers"),
        ({"out": ""}, "out = '': must be a file, or a new name, in a folder that is there"),
        ({"out": "."}, "out = '.': must be a file"),
        ({"out": "absent/layer.npz"}, "out = 'absent/layer.npz': must be a file"),
        ({"out": "absent/"}, "out = 'absent/': must be a file"),
        ({"out": os.devnull}, f"out = {os.devnull!r}: must be a file"),
        ({"out": "nul\0l"}, "out = 'nul\\x00l': must be a file"),
        ({"out": "x" * 5000}, "must be a file"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_input_is_one_line_and_leaves_the_file_as_it_was(
    change: dict[str, Any],
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path / "layer.npz"
    before.write_text("before")
    try:
        status = main(["export", *options(before, **change)])
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert re.fullmatch(r"uand export: error: [^\n]+\n", captured.err)
    assert part in captured.err
    assert list(tmp_path.iterdir()) == [before]
    assert before.read_text() == "before"


def test_a_folder_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # for root no folder's permissions count
    out = tmp_path / "layer.npz"
    message = rf"^out = {re.escape(repr(str(out)))}: must be in a folder .*\(Permission denied\)$"
    with pytest.raises(ValueError, match=message):
        uand.export(**AT, out=out)


@pytest.mark.parametrize("old", [None, "before"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 1), (MemoryError(), 2)],
    ids=["interrupt", "full", "memory"],
)
@pytest.mark.parametrize("when", ["savez", "replace"])
def test_what_stops_the_writing_leaves_nothing_behind(
    fault: BaseException,
    status: int,
    old: str | None,
    when: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, there = tmp_path / "layer.npz", []
    if old is not None:
        out.write_text(old)

    def stop(*_: Any, **__: Any) -> None:
        there.extend(tmp_path.iterdir())
        raise fault

    def half(file: Any, **arrays: Any) -> None:
        file.write(b"half of it")
        stop()

    places: dict[str, tuple[Any, str, Callable[..., None]]] = {
        "savez": (np, "savez", half),
        "replace": (Path, "replace", stop),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*places[when])
        assert main(["export", *options(out)]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert len(there) == 1 + (old is not None), "it is written beside the file"
    assert list(tmp_path.iterdir()) == ([] if old is None else [out])
    if old is not None:
        assert out.read_text() == old
        assert main(["export", *options(out)]) == 0
        assert np.load(out)["m"] == 9


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    link, target = tmp_path / "link.npz", tmp_path / "data" / "layer.npz"
    link.symlink_to(target)
    uand.export(**AT, out=link)
    assert link.is_symlink()
    assert np.load(target)["m"] == 9


def test_memory_is_asked_for_before_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(needed: float, names: str) -> None:
        asked.append(needed)
        raise ValueError(names)

    def never(*_: Any) -> None:
        raise AssertionError("it was taken")

    monkeypatch.setattr(layerfile.checks, "memory", refuse)
    for name in ("sample_layer", "all_pairs", "readoff_matrix"):
        monkeypatch.setattr(layerfile, name, never)
    with pytest.raises(ValueError, match=r"^m = 4000, d = 900, pairs = 7998000$"):
        uand.export(4000, 900, 3, 0.1, tmp_path / "x.npz")
    with pytest.raises(ValueError, match=r"^m = 4000, d = 900, pairs = 2$"):
        uand.export(4000, 900, 3, 0.1, tmp_path / "x.npz", pairs=[(0, 1), (3, 2)])
    R, W = 4 * 900 * 7_998_000, 4 * 900 * 4000
    assert R + W < asked[0] < 1.1 * (R + W)
    assert W < asked[1] < 2 * W


@pytest.mark.slow
def test_the_estimate_of_memory_covers_what_is_taken(tmp_path: Path) -> None:
    """In a process of its own, by the peak that NumPy's allocations reach."""
    code = """
import sys, tracemalloc
import numpy as np
from uand import checks, layerfile
asked = []
checks.memory = lambda needed, names: asked.append(needed)
m, d, pairs, readoff = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "chosen", sys.argv[4]
pairs = [(0, 1)] if pairs else None
layerfile.export(3, 3, 2, 0.1, sys.argv[5])
del asked[:]
tracemalloc.start()
layerfile.export(m, d, 2, 0.1, sys.argv[5], pairs=pairs, readoff=readoff)
peak = tracemalloc.get_traced_memory()[1]
assert peak <= max(asked) + 2**20, (peak, asked)
assert max(asked) <= 2.5 * peak, (peak, asked)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for case in (
        ("300", "200", "all", "contrast"),
        ("1500", "3", "all", "mean"),
        ("200", "100000", "chosen", "contrast"),
        ("2", "3000000", "chosen", "contrast"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *case, str(tmp_path / "x.npz")],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
