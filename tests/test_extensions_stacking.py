"""Stacked layers: circuits against brute force, stacks against loops, laws of their errors."""

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from statistics_helpers import check_mean

from uand import neurons
from uand.backend import random_stream, to_host
from uand.extensions import stacking
from uand.extensions.stacking import Circuit, Stack
from uand.laws import LAWS


def every(m: int) -> np.ndarray:
    return np.array(list(product((0, 1), repeat=m)), dtype=bool)


def test_circuits_agree_with_truth_tables_by_hand() -> None:
    circuit = stacking.sample_circuit(6, 5, random_stream(1))
    assert (circuit.m, circuit.depth) == (6, 5)
    truth = circuit.evaluate(every(6))
    for row, f in enumerate(every(6).astype(int).tolist()):
        wires = f
        for j, layer in enumerate(circuit.pairs.tolist()):
            wires = [min(wires[a], wires[b]) for a, b in layer] + [
                max(wires[a], wires[b]) for a, b in layer
            ]
            assert truth[j, row].astype(int).tolist() == wires
            assert sum(wires) == sum(f)


def test_one_wrong_wire_stays_one() -> None:
    circuit = stacking.sample_circuit(8, 6, random_stream(2))
    f = every(8)
    for wire in range(8):
        flipped = f.copy()
        flipped[:, wire] ^= True
        assert np.all((circuit.evaluate(flipped) != circuit.evaluate(f)).sum(axis=2) == 1)


@pytest.mark.parametrize("repair", ["nothing", "threshold", "steps"])
def test_a_stack_is_its_layers_one_after_the_other(repair: str, xp: Any) -> None:
    """Loops over neurons and pairs, from the same random numbers; 0 where a group is empty."""
    m, ell, p, d = 6, 2, 0.4, 160
    stack = Stack(m, ell, d, p, repair=repair)
    circuit = stacking.sample_circuit(m, 2, random_stream(3))
    f = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 1]])
    got = [to_host(x) for x in stacking.layers(stack, circuit, xp.asarray(f), random_stream(4))]
    rng, x = random_stream(4), f.astype(float)

    def unit(k: float, theta: float) -> float:
        if repair == "steps":
            return min(max((k - theta) * 4 + 0.5, 0.0), 1.0)
        return max(k - 1, 0.0)

    def contrast(z: list[float], groups: list[list[bool]], signs: tuple[int, ...]) -> float:
        chosen = [[one for one, take in zip(z, group, strict=True) if take] for group in groups]
        if not all(chosen):
            return 0.0
        return float(sum(sign * np.mean(some) for sign, some in zip(signs, chosen, strict=True)))

    for j, layer in enumerate(circuit.pairs.tolist()):
        wires = {"steps": None}.get(repair, x)
        if wires is None:
            W, wires = neurons.sample_layer(m, d // 4, p, rng), np.zeros_like(x)
            for row, wire in product(range(2), range(m)):
                z = [unit(x[row] @ S, 0.5) for S in W]
                reads = [bool(S[wire]) for S in W]
                groups = [reads, [not one for one in reads]]
                wires[row, wire] = contrast(z, groups, (1, -1)) / (1 - p)
        W = neurons.sample_layer(m, stack.units, p, rng)
        ands, ors = np.zeros((2, 3)), np.zeros((2, 3))
        for row, (i, (a, b)) in product(range(2), enumerate(layer)):
            z = [unit(x[row] @ S, 1.5) for S in W]
            groups = [[(S[a], S[b]) == both for S in W] for both in product((1, 0), repeat=2)]
            ands[row, i] = contrast(z, groups, (1, -1, -1, 1))
            ors[row, i] = wires[row, a] + wires[row, b] - ands[row, i]
        x = np.concatenate([ands, ors], axis=1)
        if repair == "threshold":
            x = np.concatenate([ands > 0.5, ors >= 0.5], axis=1).astype(float)
        np.testing.assert_allclose(got[j], x, rtol=0, atol=1e-9)


def test_errors_of_all_wires_add_up_to_nothing() -> None:
    circuit = stacking.sample_circuit(20, 5, random_stream(5))
    f = np.zeros((1, 20))
    f[0, :3] = 1
    for name in ("mean", "contrast"):
        for x in stacking.layers(Stack(20, 3, 200, 0.2, name), circuit, f, random_stream(6)):
            assert x.sum() == pytest.approx(3)


def test_the_noise_of_a_neuron_by_enumeration() -> None:
    e, p = np.array([0.3, -0.1, 0.25, -0.4, 0.02]), 0.3
    subsets = every(5).astype(float)
    chance = np.prod(np.where(subsets == 1, p, 1 - p), axis=1)
    mean = chance @ (subsets @ e)
    assert mean == pytest.approx(p * e.sum())
    variance = chance @ (subsets @ e - mean) ** 2
    assert LAWS["A30.noise"](5, p, np.mean(e**2)) == pytest.approx(variance)


def test_wire_and_step_signals_by_enumeration() -> None:
    ell, p = 4, 0.3
    bits = every(ell).astype(int)
    chance = np.prod(np.where(bits == 1, p, 1 - p), axis=1)
    k = bits.sum(axis=1)

    def mean(z: np.ndarray, given: dict[int, int]) -> float:
        chosen = np.all([bits[:, i] == value for i, value in given.items()], axis=0)
        return float(chance[chosen] @ z[chosen] / chance[chosen].sum())

    wire = mean(k >= 1, {0: 1}) - mean(k >= 1, {0: 0})
    assert LAWS["A30.wire_signal"](ell, p) == pytest.approx(wire)
    both = sum((-1) ** (a + b) * mean(k >= 2, {0: a, 1: b}) for a, b in product((0, 1), repeat=2))
    assert LAWS["A30.step_signal"](ell, p) == pytest.approx(both)


@pytest.mark.parametrize(
    "stack",
    [
        Stack(128, 4, 800, 0.12),
        Stack(128, 4, 800, 0.12, "mean"),
        Stack(128, 3, 3600, 0.12, repair="steps"),
    ],
    ids=["nothing", "mean", "steps"],
)
def test_errors_after_one_layer(stack: Stack) -> None:
    """Exact from right bits: also that the mean of 1/K is more than one over the mean of K."""
    seen = stacking.measure(stack, 1, stacks=300, inputs=4, seed=7)
    law = stacking.expected_errors(stack, 1)
    for name in ("on", "off"):
        check_mean(getattr(seen, name)[:, 0], getattr(law, name)[0], name)


def test_errors_passed_on_four_times() -> None:
    """They grow by a factor of 28, and the recursion keeps up; a noise of pm chi would not."""
    stack = Stack(256, 4, 700, 0.15)
    seen = stacking.measure(stack, 4, stacks=100, inputs=4, seed=10)
    check_mean(seen.off, stacking.expected_errors(stack, 4).off)


def test_plain_errors_grow_and_steps_hold_them() -> None:
    plain, steps = Stack(128, 3, 24_000, 0.1), Stack(128, 3, 24_000, 0.1, repair="steps")
    law = {stack.repair: stacking.expected_errors(stack, 30) for stack in (plain, steps)}
    assert np.all(np.diff(law["nothing"].all) > 0)
    assert law["nothing"].all[-1] > 30 * law["nothing"].all[0]
    assert law["steps"].all[-1] < 1.1 * law["steps"].all[0]
    seen = stacking.measure(steps, 4, stacks=50, inputs=1, seed=8).off
    check_mean(seen[:, 3] - seen[:, 0], law["steps"].off[3] - law["steps"].off[0])


def test_wrong_bits_by_hand() -> None:
    """Three wires on of four, mean read-off: sums over the readers of each pair, enumerated."""
    stack = Stack(4, 2, 4, 0.5, "mean", "threshold")
    pairs_wrong = wires_wrong = cases = 0.0
    on = (0, 1)
    for pair in combinations(range(4), 2):
        c = len(set(pair) & set(on))
        others = [wire for wire in on if wire not in pair]
        total = 0.0
        for W in product(product((0, 1), repeat=2 + len(others)), repeat=4):
            readers = [row for row in W if row[0] and row[1]]
            z = [max(c + sum(row[2:]) - 1, 0) for row in readers]
            mean = sum(z) / len(z) if z else 0.0
            bits = (mean > 0.5, c - mean >= 0.5)
            wrong = sum(bit != true for bit, true in zip(bits, (c == 2, c >= 1), strict=True))
            total += 1
            pairs_wrong += (wrong > 0) / 2 ** (4 * (2 + len(others)))
            wires_wrong += wrong / 2 ** (4 * (2 + len(others)))
        cases += 1
    got = stacking.wrong_per_layer(stack)
    assert got[0] == pytest.approx(2 * pairs_wrong / cases)
    assert got[1] == pytest.approx(2 * wires_wrong / cases)


@pytest.mark.parametrize(
    "stack",
    [
        Stack(64, 3, 300, 0.2, "contrast", "threshold"),
        # With others on, a pair with one on errs downwards as often, which does no harm.
        Stack(16, 5, 300, 0.4, "contrast", "threshold"),
    ],
)
def test_wrong_bits_of_the_contrast(stack: Stack) -> None:
    """A layer so narrow that many wires go wrong: both of a pair with one on, or one."""
    seen = stacking.measure(stack, 1, stacks=500, inputs=4, seed=9).wrong[:, 0]
    check_mean(seen, stacking.wrong_per_layer(stack)[1])


def test_critical_widths_meet_the_demand_and_hardly_more() -> None:
    for repair, name in (("nothing", "contrast"), ("steps", "contrast"), ("threshold", "mean")):
        d, p = stacking.critical_width(64, 3, 4, name, repair) or (0, 0.0)
        assert stacking.shortfall(Stack(64, 3, d, p, name, repair), 4) <= 1
        narrow = 4 * round(0.95 * d / 4)
        assert stacking.shortfall(Stack(64, 3, narrow, p, name, repair), 4) > 1
    assert stacking.critical_width(64, 3, 4, highest=500) is None


def test_bad_input() -> None:
    for call, message in (
        (lambda: stacking.sample_circuit(7, 2, random_stream(0)), r"^m = 7: must be even"),
        (lambda: stacking.sample_circuit(8, 0, random_stream(0)), r"^depth = 0: must be"),
        (lambda: Circuit(np.array([[[0, 1], [1, 2]]])), r"^pairs\[0\] = .*each wire from 0 to 3"),
        (lambda: Circuit(np.zeros((2, 3))), r"^pairs = array of float64, shape \(2, 3\): must be"),
        (lambda: Stack(9, 2, 10, 0.1), r"^m = 9: must be even"),
        (lambda: Stack(8, 1, 10, 0.1), r"^ell = 1: must be an integer from 2"),
        (lambda: Stack(8, 2, 10, 1.0), r"^p = 1.0: must be more than 0"),
        (lambda: Stack(8, 2, 10, 0.1, "sum"), r"^readoff = 'sum': must be one of"),
        (lambda: Stack(8, 2, 10, 0.1, repair="hope"), r"^repair = 'hope': must be one of"),
        (lambda: Stack(8, 2, 10, 0.1, repair="steps"), r"^d = 10: must be a multiple of 4"),
        (lambda: Stack(8, 2, 8, 0.1, "mean", "steps"), r"^readoff = 'mean': must be 'contrast'"),
        (lambda: Stack(8, 5, 8, 0.3, repair="steps"), r"^p = 0.3: must be less than 1/\(ell - 1\)"),
        (lambda: stacking.expected_errors(Stack(8, 2, 8, 0.3, repair="threshold"), 2), r"^repair"),
        (lambda: stacking.wrong_per_layer(Stack(8, 2, 8, 0.3)), r"^repair = 'nothing': must be"),
        (lambda: stacking.shortfall(Stack(8, 2, 8, 0.3), 0), r"^depth = 0: must be an integer"),
        (lambda: stacking.bits(np.zeros(8)), r"^x = array of shape \(8,\): must have shape"),
        (lambda: stacking.bits(np.zeros((1, 7))), r"^x = array of shape \(1, 7\): must have"),
        (lambda: stacking.wire_readoff(np.zeros((1, 5)), np.zeros((4, 8)), 1.0), r"^z = array of"),
        (lambda: stacking.wire_readoff(np.zeros((1, 4)), np.zeros((4, 8)), 0.0), r"^scale = 0.0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    circuit, stack = stacking.sample_circuit(8, 1, random_stream(0)), Stack(8, 2, 8, 0.3)
    with pytest.raises(ValueError, match=r"^circuit has 8 wires: must have m = 6"):
        next(stacking.layers(Stack(6, 2, 8, 0.3), circuit, np.zeros((1, 6)), random_stream(0)))
    for f, message in (
        (np.zeros((1, 6)), r"^f = array of shape \(1, 6\): must have shape \(batch, 8\)"),
        (np.zeros(8), r"^f = array of shape \(8,\): must have shape"),
        (np.full((1, 8), 0.5), r"^f = array of shape \(1, 8\): must hold 0 and 1 only"),
    ):
        with pytest.raises(ValueError, match=message):
            circuit.evaluate(f)
        with pytest.raises(ValueError, match=message):
            next(stacking.layers(stack, circuit, f, random_stream(0)))
    with pytest.raises(ValueError, match=r"must have ell = 2 on in each row$"):
        next(stacking.layers(stack, circuit, np.eye(8), random_stream(0)))


def test_a_density_that_no_float_of_a_chance_can_hold_is_told():
    with pytest.raises(ValueError, match=r"d = 100, p = .*: must let some unit read a wire"):
        stacking.expected_errors(stacking.Stack(8, 3, 100, 1e-200, "mean"), 1)
