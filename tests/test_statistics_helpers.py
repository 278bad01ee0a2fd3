"""The rates that the statistical tests state are the rates that they have."""

import ast
import functools
import importlib.util
import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import statistics_helpers as helpers
from scipy import optimize, special, stats

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
        (helpers.check_estimate, (1.0, 0.1, 1.8, 99, "", 2), (1.0, 0.1, 2.5, 99, "", 2)),
        (helpers.check_estimate, (1.0, 0.1, 1.8, 99, "", -2), (1.0, 0.1, 1.8, 99, "", 0)),
        (helpers.check_mean, (np.arange(101) % 2, 0.5), (np.arange(1001) % 2, 0.38)),
        (helpers.check_mean, (np.arange(101) % 7, 3, "", 0, 2), (np.arange(101) % 7, 3, "", 0, 1)),
        (helpers.check_mean, (np.arange(1001) % 2, 0.38, "", 0.1), (np.ones(99), 1.1, "", 0.09)),
        (helpers.check_more, (np.arange(1001) % 2, 0.38), (np.arange(1001) % 2, 0.45)),
        (helpers.check_none, (0, 1e-11), (1, 1e-11)),
        (helpers.check_none, (0, 0), (0, 1e-9)),
        (helpers.check_variance, (1.4, 1.0, 200), (2.0, 1.0, 200)),
        (helpers.check_variance, (2.0, 1.0, 200, 3.0), (0.4, 1.0, 200)),
    ],
)
def test_checks_pass_what_agrees_and_fail_what_does_not(check, right, wrong):
    check(*right)
    with pytest.raises(AssertionError):
        check(*wrong)


def test_every_comparison_is_counted():
    before = helpers.made()
    helpers.check_cells([1, 2, 1], [0.25, 0.5, 0.25])
    helpers.check_mean(np.arange(200.0).reshape(50, 4), [98, 99, 100, 101])
    helpers.check_poisson(1, 1)
    helpers.check_more(np.arange(50.0), -10)
    helpers.check_none(0, 0)
    helpers.check_variance(1, 1, 100)
    assert helpers.made() - before == 3 + 4 + 1 + 1 + 1 + 1


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.arange(49.0), "49 samples: must be 50"),
        (np.arange(80.0) ** 9, r"80 samples of skewness 2\.\d: at most 1\.3, or take \d\d\d$"),
        (np.arange(70) % 4 == 0, "74% of 70 samples are equal: count them"),
    ],
)
def test_samples_that_are_not_judged_rightly_are_refused(samples, message, monkeypatch):
    for check in (helpers.check_mean, helpers.check_more):
        with pytest.raises(AssertionError, match=message):
            check(samples, samples.mean())
    monkeypatch.setattr(helpers, "_pinned", True)
    helpers.judge_no_designs()  # as on other seeds
    if len(samples) > 49:
        helpers.check_mean(samples, samples.mean(), tells=0)


# --- the rates of means, far out ------------------------------------------------------------------


def standardised(values: Any, chances: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a law on some points with mean 0 and variance 1."""
    chances = np.asarray(chances) / np.sum(chances)
    values = values - chances @ values
    return values / math.sqrt(chances @ values**2), chances


def on_a_grid(law: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a continuous law on 1600 of its quantiles, closer in both tails."""
    tail = np.geomspace(1e-12, 1e-3, 300)
    u = np.concatenate([tail, np.linspace(1e-3, 1 - 1e-3, 1002)[1:-1], 1 - tail[::-1]])
    edges = np.concatenate([[0], (u[1:] + u[:-1]) / 2, [1]])
    return standardised(law.ppf(u), np.diff(edges))


def far_out(law: Any, n: int, t: float, side: int) -> tuple[float, float]:
    """Return the tilt ``exp(a x + b x**2)`` under which the mean is likely `t` errors off.

    By Shao's large deviations of a mean over its own error: ``sum x >= r * root(n sum x**2)`` has
    the chance ``sup over c, inf over s of (E exp(s (2 c x - r (x**2 + c**2))))**n``.
    """
    x, chances = law
    r = t / math.sqrt(n - 1 + t * t)

    def exponent(s: float, c: float) -> float:
        return special.logsumexp(s * (2 * c * side * x - r * (x * x + c * c)), b=chances)

    def least(c: float) -> Any:
        return optimize.minimize_scalar(
            lambda s: exponent(math.exp(s), c), bounds=(-8, 6), method="bounded"
        )

    best = optimize.minimize_scalar(
        lambda c: -least(math.exp(c)).fun, bounds=(-7, 3), method="bounded"
    )
    c = math.exp(best.x)
    s = math.exp(least(c).x)
    return side * 2 * c * s, -s * r


def rates(law: Any, n: int, limits: Any, side: int, tries: int = 4500) -> np.ndarray:
    """Return how often means of `n` are beyond each of some limits, by importance sampling.

    `limits` takes samples, one try a column, and returns limits below and above. Tilts at three
    distances are mixed, so that no try has a large weight.
    """
    x, chances = law
    rng = np.random.default_rng([n, side + 1])
    near = helpers.t_quantile(n - 1)
    skew = abs(float(chances @ x**3))
    far = min(helpers.widened(near, 1.2 * skew / math.sqrt(n) + 5 / n), 5 * near)
    tilts = []
    for t in np.geomspace(near, far, 3):
        a, b = far_out(law, n, t, side)
        tilts.append((a, b, special.logsumexp(a * x + b * x * x, b=chances)))
    found = []
    for a, b, log_mean in tilts:
        tilted = np.cumsum(chances * np.exp(a * x + b * x * x - log_mean))
        places = np.searchsorted(tilted, rng.random((n, tries // 3)))
        samples = x[np.minimum(places, len(x) - 1)]
        first, second = samples.sum(axis=0), (samples**2).sum(axis=0)
        logs = [a * first + b * second - n * mean for a, b, mean in tilts]
        weights = np.exp(-special.logsumexp(logs, axis=0)) * len(tilts)
        t = samples.mean(axis=0) / (samples.std(axis=0, ddof=1) / math.sqrt(n) + 1e-300)
        beyond = [t > high if side > 0 else t < -low for low, high in limits(samples)]
        found.append([one * weights for one in beyond])
    return np.concatenate(found, axis=1).mean(axis=1)


@functools.cache
def laws() -> dict[str, Any]:
    """Return laws whose samples come up in the tests, and some that are hard on a mean."""
    x = np.sort((np.random.default_rng(5).standard_normal((2, 200_000)).prod(axis=0)) ** 2)
    return {
        "normal": on_a_grid(stats.norm()),
        "uniform": on_a_grid(stats.uniform()),
        "of long tails": on_a_grid(stats.t(5)),
        **{f"gamma, skewness {g}": on_a_grid(stats.gamma(4 / g**2)) for g in (0.5, 1, 2, 5)},
        "squares of normal": on_a_grid(stats.chi2(1)),
        "lognormal": on_a_grid(stats.lognorm(0.6)),
        "squares of products": standardised(x.reshape(-1, 50).mean(axis=1), np.ones(4000)),
        "counts of 3": standardised(np.arange(40.0), stats.poisson(3).pmf(np.arange(40))),
        "one in five": standardised(np.array([0.0, 1.0]), [0.8, 0.2]),
    }


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("normal", 50),
        ("uniform", 50),
        ("of long tails", 50),
        ("gamma, skewness 0.5", 50),
        ("gamma, skewness 1", 50),
        ("gamma, skewness 2", 178),
        ("gamma, skewness 5", 1111),
        ("squares of normal", 356),
        ("lognormal", 227),
        ("squares of products", 3300),
        ("counts of 3", 50),
        ("one in five", 101),
    ],
)
def test_means_are_refused_at_most_at_the_rate(name, n):
    """At the fewest samples that are judged: by number, or for their skewness.

    Measured to a tenth or so, with more tries: from 0.02 to 0.9 of the rate; and below twice the
    rate where the samples look less skew than they are, up to a skewness of the mean of 0.2.
    """
    law = laws()[name]
    skewness = float(law[1] @ law[0] ** 3)
    assert abs(skewness) / math.sqrt(n) < 0.152

    def limits(samples: np.ndarray) -> Any:
        t = helpers.t_quantile(n - 1)
        return helpers._limits(samples)[2:], (t, t)

    widened, plain = sum(rates(law, n, limits, side) for side in (-1, 1)) / helpers.RATE
    assert widened < 1.5  # beside what so few tries leave open
    assert widened < plain
    if name == "normal":
        assert plain == pytest.approx(1, abs=0.3)
    if name == "squares of normal":
        assert plain > 1000, "Student's t alone would not do"


@pytest.mark.parametrize(
    ("name", "skewness", "n"),
    [("gamma, skewness 1", 1, 60), ("gamma, skewness 2", 2, 200), ("lognormal", 2.3, 150)],
)
def test_estimates_of_a_known_skewness_are_refused_at_most_at_the_rate(name, skewness, n):
    """Measured: from 0.01 to 0.7 of the rate."""
    limit = helpers.widened(helpers.t_quantile(n - 1), skewness / math.sqrt(n))
    (found,) = sum(rates(laws()[name], n, lambda _: [(limit, limit)], side) for side in (-1, 1))
    assert found < 1.2 * helpers.RATE


def test_a_limit_is_widened_as_its_saddle_point_says():
    for limit, skewness in ((6.4, 0.01), (7.0, 0.15), (12.0, 0.4)):
        t = helpers.widened(limit, skewness)
        u = t * skewness / 2
        assert 8 / skewness**2 * (math.log1p(u) - u / (1 + u)) == pytest.approx(limit**2)
    assert helpers.widened(6.4, 1.0001e-4) == pytest.approx(6.4, rel=1e-3)
    assert helpers.widened(np.array([6.4, 7.0]), [0.0, -0.3]).tolist() == [6.4, 7.0]


# --- the count ------------------------------------------------------------------------------------

COUNTED = re.compile(r"check_[a-z]+")
# A limit for what no sample decides, and constants that are only read.
UNCOUNTED = {"rule_of_three", "COMPARISONS", "FAMILY_RATE", "made", "other_generators"}
UNCOUNTED |= {"judges_designs"}


def names_from_helpers(tree: ast.AST) -> set[str]:
    """Return what a file takes from `statistics_helpers`, by import or as an attribute."""
    taken, modules = set(), {"statistics_helpers"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "statistics_helpers":
            taken |= {one.name for one in node.names}
        elif isinstance(node, ast.Import):
            modules |= {one.asname for one in node.names if one.name == "statistics_helpers"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken |= {node.attr} if node.value.id in modules else set()
    return taken


def test_no_test_makes_a_comparison_of_its_own():
    """With a quantile or the rate in hand a test could assert at that rate without being counted.

    One test names `RATE` to say which events are too rare to be seen.
    """
    for path in sorted(TESTS.glob("test_*.py")):
        if path != Path(__file__):
            taken = names_from_helpers(ast.parse(path.read_text(encoding="utf-8")))
            own = {name for name in taken - UNCOUNTED if not COUNTED.fullmatch(name)}
            assert own <= ({"RATE"} if path.name == "test_interference.py" else set()), path.name
    assert names_from_helpers(ast.parse("import statistics_helpers as h\nh.t_quantile(3)")) == {
        "t_quantile"
    }


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


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "more"), [(0, 0), (0, 1), (2, 1)])
def test_a_run_adds_up_the_comparisons_of_its_processes(tmp_path, processes, more):
    """Each of two files makes half of all that are allowed, or one of them one more."""
    if processes and not importlib.util.find_spec("xdist"):
        pytest.skip("needs xdist")
    half = helpers.COMPARISONS // 2
    for name, number in (("first", half), ("second", half + more)):
        (tmp_path / f"test_{name}.py").write_text(
            f"from statistics_helpers import check_none\n\n\n"
            f"def test_{name}():\n    for _ in range({number}):\n        check_none(0, 0)\n"
        )
    options = ["-p", "xdist", "-n", "2", "--dist", "loadfile"] if processes else []
    done = run_pytest(tmp_path, *options, "--seed-offset=1")
    assert "2 passed" in done.stdout
    assert f"statistical comparisons: {2 * half + more}\n" in done.stdout
    assert done.returncode == more, done.stdout
    assert ("raise statistics_helpers.COMPARISONS" in done.stdout) == bool(more)
