"""The floor under calibrated read-offs, and the search for the best random layer."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from uand import checks
from uand.interference import kind_counts, pooled_rms, predict
from uand.laws import LAWS
from uand.least_error import _Search, best_layer, calibration_floor, floor_width, logit
from uand.neurons import Activation


def spectrum(m: int, ell: int) -> np.ndarray:
    """Return the eigenvalues of E[t t^T] over all inputs, by diagonalisation."""
    pairs = list(itertools.combinations(range(m), 2))
    inputs = list(itertools.combinations(range(m), ell))
    t = np.array([[float(a in on and b in on) for a, b in pairs] for on in map(set, inputs)])
    return np.linalg.eigvalsh(t.T @ t / len(inputs))


# An older SciPy steps across a bound by a rounding error, steps back, and says so.
@pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning")
@pytest.mark.parametrize(("m", "ell"), [(5, 2), (5, 3), (6, 3), (7, 3), (8, 4), (8, 6)])
def test_the_floor_is_the_minimum_over_all_shares(m: int, ell: int) -> None:
    """The eigenvalues by diagonalisation; the minimum by SciPy, over one share an eigenvalue."""
    values, n = np.unique(spectrum(m, ell).round(12), return_counts=True)
    n, values = n[values > 1e-9], values[values > 1e-9]
    pairs = math.comb(m, 2)
    for d in range(1, int(n.sum()) + 1):
        found = minimize(
            lambda r: float((values * n**2 / r).sum()),
            n * d / n.sum(),
            bounds=[(1e-6, top) for top in n.tolist()],
            constraints={"type": "eq", "fun": lambda r, d=d: r.sum() - d},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        wanted = math.sqrt(max(found.fun - math.comb(ell, 2), 0.0) / pairs)
        assert calibration_floor(m, ell, d).rms == pytest.approx(wanted, abs=2e-5)


def test_the_floor_in_numbers() -> None:
    got = [round(calibration_floor(300, ell, 4096).rms, 4) for ell in (2, 4, 8, 16)]
    assert got == [0.0149, 0.0364, 0.0780, 0.1581]
    assert calibration_floor(300, 8, math.comb(300, 2)).rms == 0
    assert calibration_floor(300, 8, math.comb(300, 2) - 1).rms > 0


@pytest.mark.parametrize(("m", "ell"), [(4, 2), (5, 2), (30, 4), (300, 8)])
def test_the_floors_width_is_the_least(m: int, ell: int) -> None:
    for rms in (0.0, 0.01, 0.1, 0.5):
        d = floor_width(m, ell, rms)
        assert calibration_floor(m, ell, d).rms <= rms
        assert d == 1 or calibration_floor(m, ell, d - 1).rms > rms


@pytest.mark.parametrize("ell", [2, 3, 8])
def test_no_layer_of_a_grid_is_below_the_floor(ell: int) -> None:
    for p in (0.05, 0.2, 0.5, 0.8):
        acts = [Activation(theta=Fraction(t)) for t in range(1, ell)]
        for act in [*acts, Activation("quadratic", Fraction(ell, 2))]:
            error = pooled_rms(300, 4096, ell, p, "contrast", act) or 0.0
            assert error > calibration_floor(300, ell, 4096).rms


@pytest.mark.parametrize("theta", ["1/2", "1", "3/2", "5", "29/4", "8"])
def test_the_search_and_the_activation_have_the_signal_of_the_law(theta: str) -> None:
    """The exact form and the fast one, held to claim B11."""
    from uand.least_error import _Search

    p, at = Fraction(3, 10), Fraction(theta)
    law = LAWS["B11.signal"].exactly(8, p, at)
    assert float(Activation(theta=at).signal(6, p)) == pytest.approx(law, rel=1e-12)
    counts = kind_counts(40, Fraction(8))
    search = _Search(40, 100, Fraction(8), "relu", "worst", counts, "contrast", "exact")
    assert search._signal(6, float(p), float(at)) == pytest.approx(law, rel=1e-12)


@pytest.mark.parametrize("kind", checks.ACTIVATIONS)
@pytest.mark.parametrize(("readoff", "thetas"), [("contrast", (1.0, 1.25, 2.0)), ("mean", (1.0,))])
def test_the_search_has_the_errors_of_the_exact_law(
    kind: str, readoff: str, thetas: tuple[float, ...]
) -> None:
    """At densities of both sides, where no group of neurons is empty and both forms are sharp."""
    from uand.least_error import _Search

    m, d, ell = 60, 500, 3
    if (readoff, kind) == ("mean", "quadratic"):
        pytest.skip("the mean reads neurons of threshold 1 only")
    for p, theta in itertools.product((0.3, 0.5, 0.8), thetas):
        law = predict(m, d, ell, p, readoff=readoff, theta=theta, activation=kind)
        worst = max(one.rms for one in law.pairs.values() if one.rms is not None)
        for objective, exact in (("worst", worst), ("pooled", law.pooled_rms)):
            search = _Search(m, d, Fraction(ell), kind, objective, kind_counts(m, Fraction(ell)),
                             readoff, "exact")  # fmt: skip
            assert math.sqrt(search._squared(p, theta)) == pytest.approx(exact, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", checks.ACTIVATIONS)
@pytest.mark.parametrize("objective", checks.OBJECTIVES)
@pytest.mark.parametrize(("m", "d", "ell"), [(60, 500, 3), (300, 4096, 8), (4096, 512, 16)])
def test_nothing_on_a_fine_grid_is_better(
    m: int, d: int, ell: int, objective: str, kind: str
) -> None:
    from uand.least_error import _Search

    counts = kind_counts(m, Fraction(ell))
    p, act = best_layer(m, d, Fraction(ell), None, kind, None, objective, counts)
    search = _Search(m, d, Fraction(ell), kind, objective, counts, "contrast", "exact")
    found = search._squared(float(p), float(act.theta))
    rng = np.random.default_rng(0)
    at, theta = math.log(p / (1 - p)), float(act.theta)
    # Everywhere, for another valley; and nearby, where most of the better ones would be.
    points = [*zip(rng.uniform(-4, 4, 250), rng.uniform(0.2, ell, 250), strict=True)]
    points += zip(rng.normal(at, 0.2, 150), rng.normal(theta, 0.05 * ell, 150), strict=True)
    for u, other in points:
        if 0.2 <= other <= ell:
            assert search._squared(1 / (1 + math.exp(-u)), other) >= found * (1 - 1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration_floor(3, 2, 1), r"^m = 3: must be an integer from 4"),
        (lambda: calibration_floor(5, 4, 1), r"^ell = 4: must be an integer from 2 to m - 2 = 3"),
        (lambda: calibration_floor(5, 2, 0), r"^d = 0: must be an integer from 1"),
        (lambda: floor_width(5, 2, -0.1), r"^rms = -0\.1: must be"),
    ],
)
def test_bad_input(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def squared_error(m: int, d: int, ell: int, p: Fraction, activation: Activation) -> float:
    return pooled_rms(m, d, ell, p, "contrast", activation)


def test_a_given_density_is_kept_and_its_threshold_is_best() -> None:
    m, d, ell, density = 30, 200, 4, Fraction(1, 10)
    counts = kind_counts(m, Fraction(ell))
    p, best = best_layer(m, d, Fraction(ell), density, "relu", None, "pooled", counts)
    assert p == density
    error = squared_error(m, d, ell, p, best)
    for theta in (Fraction(k, 4) for k in range(2, 16)):
        assert error <= squared_error(m, d, ell, p, Activation("relu", theta)) * (1 + 1e-6)


def test_many_features_on_are_searched_over_all_their_thresholds() -> None:
    m, d, ell, density = 300, 2000, 60, Fraction(1, 2)
    counts = kind_counts(m, Fraction(ell))
    p, best = best_layer(m, d, Fraction(ell), density, "relu", None, "pooled", counts)
    error = squared_error(m, d, ell, p, best)
    for theta in range(10, 60, 5):
        assert error <= squared_error(m, d, ell, p, Activation("relu", Fraction(theta))) * 1.000001


def test_features_on_independently_have_a_best_density_of_their_own() -> None:
    m, ell, theta = 30, Fraction(4), Fraction(1)
    counts = kind_counts(m, ell, "independent")
    arguments = m, 200, ell, None, "relu", theta, "pooled", counts, "contrast"
    p, activation = best_layer(*arguments, "independent")
    assert activation.theta == theta

    def error(density: Fraction) -> float:
        pairs = predict(m, 200, 4, density, 0.5, "contrast", "independent").pairs
        weights = np.array([float(counts[kind]) for kind in pairs])
        read = float(weights @ [one.rms**2 for one in pairs.values()] / weights.sum())
        return read + float(LAWS["B3.uncovered"](200, float(density)))  # an error of 1 each

    assert error(p) <= min(error(p * 9 / 10), error(p * 11 / 10)) * (1 + 1e-6)


def test_a_layer_whose_threshold_no_input_passes_has_no_finite_error() -> None:
    counts = kind_counts(300, Fraction(60))
    search = _Search(300, 2000, Fraction(60), "relu", "worst", counts, "contrast", "exact")
    assert search.squared(logit(1e-9), 50.0) == math.inf
