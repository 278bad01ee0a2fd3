"""The rates that the statistical tests state are the rates that they have."""

import importlib.util
import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import statistics_helpers as helpers

from uand.measurements import FALSE_ALARM

TESTS = Path(__file__).parent


def test_the_comparisons_add_up_to_the_family_rate():
    assert helpers.COMPARISONS * helpers.RATE <= helpers.FAMILY_RATE * (1 + 1e-12)
    assert helpers.FAMILY_RATE + FALSE_ALARM < 1e-6, "the suite and its ledger together"


@pytest.mark.parametrize("rate", [0.05, 1e-3])
@pytest.mark.parametrize("chance", [Fraction(1, 50), Fraction(1, 3), Fraction(1, 2)])
def test_binomial_interval_misses_the_truth_at_most_at_its_rate(chance, rate):
    n = 40
    pmf = [math.comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(n + 1)]
    low, high = helpers.binomial_interval(np.arange(n + 1), n, rate)
    missed = sum(pmf[k] for k in range(n + 1) if not low[k] <= chance <= high[k])
    assert 0 < missed <= rate
    # Each tail alone stays below half the rate, and is not needlessly small: widening the set of
    # accepted counts by none, the count next to the last one missed would exceed the half.
    below = [k for k in range(n + 1) if high[k] < chance]
    above = [k for k in range(n + 1) if low[k] > chance]
    for tail, further in ((below, len(below)), (above, n - len(above))):
        assert sum(pmf[k] for k in tail) <= rate / 2 < sum(pmf[k] for k in tail) + pmf[further]


def test_poisson_interval_misses_the_truth_at_most_at_its_rate():
    mean, rate = 7.5, 0.01
    pmf = [math.exp(-mean) * mean**k / math.factorial(k) for k in range(60)]
    kept = [
        low <= mean <= high for low, high in (helpers.poisson_interval(k, rate) for k in range(60))
    ]
    missed = sum(p for p, inside in zip(pmf, kept, strict=True) if not inside)
    assert rate / 10 < missed <= rate


def test_rule_of_three_is_where_no_success_becomes_improbable():
    for trials in (1, 60, 10**6):
        assert math.isclose((1 - helpers.rule_of_three(trials, 0.05)) ** trials, 0.05)
    assert math.isclose(helpers.rule_of_three(10**6, 0.05), 3e-6, rel_tol=2e-3)


def test_intervals_at_the_rate_in_use_match_their_closed_forms_at_zero():
    half = helpers.RATE / 2
    assert helpers.binomial_interval(0, 500) == (0, pytest.approx(1 - half ** (1 / 500)))
    assert helpers.binomial_interval(500, 500) == (pytest.approx(half ** (1 / 500)), 1)
    assert helpers.poisson_interval(0) == (0, pytest.approx(-math.log(half)))
    assert helpers.t_quantile(1) == pytest.approx(1 / math.tan(math.pi * half))


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (helpers.check_count, (500, 1000, 0.5), (620, 1000, 0.5)),
        (helpers.check_count, (0, 1000, 0.001), (0, 1000, 0.03)),
        (helpers.check_count, (1000, 1000, 1), (999, 1000, 1)),
        (helpers.check_poisson, (100, 110), (100, 190)),
        (helpers.check_cells, ([500, 500], [0.5, 0.5]), ([300, 700], [0.5, 0.5])),
        (helpers.check_estimate, (1.0, 0.1, 1.5), (1.0, 0.1, 1.7)),
        (helpers.check_estimate, (1.0, 0.0, 1.0), (1.0, 0.0, 1.0 + 1e-9)),
        (helpers.check_estimate, (1.0, 0.1, 1.0), (math.nan, 0.1, 1.0)),
        (helpers.check_mean, (np.arange(101) % 2, 0.5), (np.arange(1001) % 2, 0.38)),
    ],
)
def test_checks_pass_what_agrees_and_fail_what_does_not(check, right, wrong):
    check(*right)
    with pytest.raises(AssertionError):
        check(*wrong)


def test_every_comparison_is_counted():
    before = helpers.made()
    helpers.check_cells([1, 2, 1], [0.25, 0.5, 0.25])
    helpers.check_mean(np.arange(100.0).reshape(25, 4), [48, 49, 50, 51])
    helpers.check_poisson(1, 1)
    assert helpers.made() - before == 3 + 4 + 1


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder with the hooks of `comparisons`, and no configuration of ours."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(
        "from comparisons import *\n"
        "def pytest_addoption(parser):\n"
        "    parser.addoption('--seed-offset', type=int, default=0)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**kept, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("processes", "more"), [(0, 0), (0, 1), (2, 1)])
def test_a_run_adds_up_the_comparisons_of_its_processes(tmp_path, processes, more):
    """Each of two files makes half of all that are allowed, or one of them one more."""
    if processes and not importlib.util.find_spec("xdist"):
        pytest.skip("needs xdist")
    half = helpers.COMPARISONS // 2
    for name, number in (("first", half), ("second", half + more)):
        (tmp_path / f"test_{name}.py").write_text(
            f"from statistics_helpers import check_poisson\n\n\n"
            f"def test_{name}():\n    for _ in range({number}):\n        check_poisson(0, 0)\n"
        )
    options = ["-p", "xdist", "-n", "2", "--dist", "loadfile"] if processes else []
    done = run_pytest(tmp_path, *options, "--seed-offset=1")
    assert "2 passed" in done.stdout
    assert f"statistical comparisons: {2 * half + more}\n" in done.stdout
    assert done.returncode == more, done.stdout
    assert ("raise statistics_helpers.COMPARISONS" in done.stdout) == bool(more)
