"""The script that checks and times CuPy, as far as it goes without a GPU: its own logic."""

import importlib.util
import json
import math
from pathlib import Path

import cuda_on_cpu
import numpy as np
import pytest

from uand import backend, bits, bits_cupy, readoff

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "gpu.py"
SPEC = importlib.util.spec_from_file_location("benchmarks_gpu", SCRIPT)
gpu = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gpu)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "new" / "gpu.json"
    assert gpu.main(["--dry-run", "--times", "1", "--out", str(out)]) == 0
    assert [path.name for path in out.parent.iterdir()] == ["gpu.json"]
    return json.loads(out.read_text(encoding="utf-8"))


def test_a_dry_run_records_what_a_run_would(record):
    assert record["dry_run"] is True
    assert record["device"] == "CPU"
    assert {"date", "commit", "seed", "versions", "limits", "host_cores"} <= record.keys()
    assert {"numpy", "uand", "python"} <= record["versions"].keys()
    assert record["limits"]["copy"]["bytes_per_second"] > 0
    for real in bits_cupy.EXACT:
        assert record["limits"][real]["operations_per_second"] > 0


def test_a_dry_run_checks_every_path(record):
    names = [check["name"] for check in record["checks"]]
    assert len(set(names)) == len(names)
    assert all(check["passed"] for check in record["checks"])
    for part in ("pair_histogram", "uncovered_pairs", "simulate, contrast", "joint_histogram"):
        assert any(name.startswith(part) for name in names)


def test_a_dry_run_times_every_form_per_pair(record):
    (timing,) = record["timings"]
    assert timing["passed"]
    m, rows = timing["m"], timing["rows"]
    first = sum(m - 1 - alpha for alpha in range(bits.TILE))
    for row in rows:
        assert row["pairs"] == (math.comb(m, 2) if row["form"] == "kernels" else first)
        assert row["ns_per_pair"] * row["pairs"] == pytest.approx(1e9 * row["seconds"])
        assert row["least"] <= row["seconds"] <= row["most"]
    for work, of_work in timing["ratios"].items():
        cost = {row["form"]: row["ns_per_pair"] for row in rows if row["work"] == work}
        assert of_work == {
            form: pytest.approx(cost[form] / cost["kernels"]) for form in cost if form != "kernels"
        }


def test_without_a_gpu_the_script_says_so_and_writes_nothing(tmp_path, capsys, monkeypatch):
    def none(name):
        raise ValueError("backend = 'cupy': must be 'numpy' here, because there is no GPU")

    monkeypatch.setattr(backend, "select", none)
    assert gpu.main(["--out", str(tmp_path / "gpu.json")]) == 2
    assert "gpu.py: backend = 'cupy'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_wrong_count_fails_the_run(monkeypatch):
    device = gpu.Device(dry_run=True)

    class Wrong:
        count_histogram = staticmethod(lambda *args: bits.count_histogram(*args) + 1)
        uncovered = staticmethod(bits.uncovered)
        joint_histogram = staticmethod(bits.joint_histogram)

    device.counters = Wrong
    failed = {c["name"] for c in gpu.check_all(device, 0, [(20, 6)]) if not c["passed"]}
    assert failed
    assert all(name.startswith("count_histogram, ") for name in failed)
    assert not gpu.time_all(device, 30, 6, 0.3, 0, 1)["passed"]


def test_a_wrong_path_fails_the_run(monkeypatch):
    device = gpu.Device(dry_run=True)
    real = readoff.mean_readoff
    calls = []  # the first of each two is NumPy's
    monkeypatch.setattr(
        readoff, "mean_readoff", lambda *at: real(*at) + (calls.append(1) or len(calls) % 2 == 0)
    )
    failed = [c["name"] for c in gpu.check_all(device, 0, [(20, 6)]) if not c["passed"]]
    assert failed == ["mean_readoff"]


def test_the_checks_of_the_counters_pass_with_the_kernels(monkeypatch, tmp_path):
    found, reason = cuda_on_cpu.compiler()
    if found is None:
        pytest.skip(reason)
    monkeypatch.setitem(gpu.sys.modules, "cupy", cuda_on_cpu.StandIn(tmp_path))
    bits_cupy._kernel.cache_clear()
    device = gpu.Device(dry_run=True)
    device.counters = bits_cupy
    for name, wanted, got in gpu.counters(70, 12, 0.3, 0, device):
        assert gpu.difference(wanted, got) == 0, name
    bits_cupy._kernel.cache_clear()


@pytest.mark.parametrize(
    ("wanted", "found", "gap"),
    [
        (3, 3, 0),
        (3, 4, 1 / 3),
        ([1, 2], [1], math.inf),
        ({"a": 1}, {"b": 1}, math.inf),
        (None, None, 0),
        (None, 1.0, math.inf),
        ("x", "y", math.inf),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), 0),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), math.inf),
        (np.array([np.inf]), np.array([np.inf]), 0),
        (np.array([0.5]), np.array([0.75]), 0.25),
        (np.array([4.0]), np.array([5.0]), 0.25),
        (np.array([1]), np.array([1.0]), math.inf),
        (np.zeros((2, 0)), np.zeros((2, 0)), 0),
    ],
)
def test_differences(wanted, found, gap):
    assert gpu.difference(wanted, found) == pytest.approx(gap)


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "gpu.json"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(ValueError, match="JSON"):
        gpu.write({"x": math.nan}, path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["gpu.json"]
