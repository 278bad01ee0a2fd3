// What the laws need and JavaScript lacks: sums, binomials, error functions; and law B1, an
// algorithm, as uand/distributions.py and uand/interference.py have it.
//
// Classic scripts and one global name, `uand`: modules would not load from a file on disk.
"use strict";

globalThis.uand = globalThis.uand ?? {};

uand.numbers = (() => {
  const NEGLIGIBLE = 1e-17; // a remainder below this fraction of a sum does not change its double
  const MAX_WORK = 5e8; // multiplications, about half a second's
  const NOTHING = 1e-305; // a chance below it has no full float
  const COARSE = 1e-40; // a chance that no curve shows, and no search for the best needs
  const FEW = 1e-12; // pairs expected to fail: a search that finds so few looks no further

  // --- functions of one law or another ---------------------------------------------------------

  const sum = (low, high, term) => {
    let total = 0;
    for (let j = low; j <= high; j++) total += term(j);
    return total;
  };

  const choose = (n, k) => {
    if (k < 0 || k > n) return 0;
    let value = 1;
    const fewer = Math.min(k, n - k);
    for (let i = 1; i <= fewer; i++) value = (value * (n - fewer + i)) / i;
    return value;
  };

  const factorial = (n) => {
    let value = 1;
    for (let i = 2; i <= n; i++) value *= i;
    return value;
  };

  // 2/sqrt(pi) exp(-x^2) (x + 2x^3/3 + 4x^5/15 + ...): all terms have one sign.
  const erfSeries = (x) => {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      total += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
  };

  // Laplace's continued fraction, from the far end; 300 steps are enough from x = 1 on.
  const erfcFraction = (x) => {
    let below = x;
    for (let n = 300; n >= 1; n--) below = x + n / 2 / below;
    // x^2 in two parts: its rounding would cost exp digits.
    const high = Math.fround(x);
    const square = Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
    return square / (below * Math.sqrt(Math.PI));
  };

  const erf = (x) => (Math.abs(x) < 1 ? erfSeries(x) : x < 0 ? -erf(-x) : 1 - erfcFraction(x));
  const erfc = (x) => (Math.abs(x) < 1 ? 1 - erfSeries(x) : x < 0 ? 2 - erfc(-x) : erfcFraction(x));

  // --- exact fractions -------------------------------------------------------------------------

  // A number stands for its shortest decimal, as in Python, so that 0.3 is three tenths and an
  // error of exactly eps passes. A fraction is a pair of BigInts.
  const fraction = (x) => {
    const [digits, exponent = "0"] = String(x).split("e");
    const [whole, decimals = ""] = digits.split(".");
    const shift = Number(exponent) - decimals.length;
    const power = 10n ** BigInt(Math.abs(shift));
    const value = BigInt(whole + decimals);
    return shift < 0 ? [value, power] : [value * power, 1n];
  };

  const bits = (a) => a.toString(2).length;

  // a/b, rounded once: 70 bits of the quotient, of which Number keeps 53.
  const ratio = (a, b) => {
    if (a === 0n) return 0;
    const shift = 70 + bits(b) - bits(a);
    const quotient = shift > 0 ? (a << BigInt(shift)) / b : a / (b << BigInt(-shift));
    return Number(quotient) * 2 ** -shift;
  };

  const floorOfTimes = ([a, b], n) => Number((a * BigInt(n)) / b);

  // --- distributions of whole numbers ----------------------------------------------------------

  // Sums with a correction for what each addition rounds away (Neumaier).
  const total = (values) => {
    let high = 0;
    let low = 0;
    for (const value of values) {
      const next = high + value;
      low += high >= value ? high - next + value : value - next + high;
      high = next;
    }
    return high + low;
  };

  // P(X = 0), P(X = 1), ... for X ~ Bin(n, p), by the ratio of neighbours, outwards from the mode.
  const binomialPmf = (n, [a, b]) => {
    if (a === 0n || n === 0) return Float64Array.of(1);
    if (a === b) return Float64Array.from({ length: n + 1 }, (_, k) => Number(k === n));
    const mean = n * ratio(a, b);
    const mode = Number((BigInt(n + 1) * a) / b);
    // Beyond these no chance is a positive float (Bernstein's inequality).
    const c = 740;
    const top = Math.min(n, mode + Math.ceil(c / 3 + Math.sqrt((c * c) / 9 + 2 * c * mean)) + 1);
    const low = Math.max(0, Math.floor(mean) - Math.ceil(Math.sqrt(2 * c * mean)) - 1);
    const odds = ratio(a, b - a);
    const pmf = new Float64Array(top + 1);
    pmf[mode] = 1;
    for (let k = mode; k < top; k++) pmf[k + 1] = pmf[k] * (((n - k) / (k + 1)) * odds);
    for (let k = mode; k > low; k--) pmf[k - 1] = pmf[k] * (k / (n - k + 1) / odds);
    const all = total(pmf);
    return pmf.map((chance) => chance / all);
  };

  // The law of Z, the excess of one neuron over the truth: `others` features on outside a pair of
  // which c are on. With none on the first of them only brings the neuron to its threshold.
  const excessPmf = (others, p, c) => {
    const pmf = binomialPmf(others, p);
    if (c > 0 || pmf.length === 1) return pmf;
    const cut = pmf.slice(1);
    cut[0] += pmf[0];
    return cut;
  };

  const variance = (pmf) => {
    const moment = (about, power) => total(pmf.map((q, z) => q * (z - about) ** power));
    const near = Math.round(moment(0, 1)); // about it no more than one digit cancels
    return moment(near, 2) - moment(near, 1) ** 2;
  };

  const upperTail = (pmf) => {
    const tail = Float64Array.from(pmf);
    for (let k = tail.length - 2; k >= 0; k--) tail[k] += tail[k + 1];
    return tail;
  };

  // sum_n w_n P(Z_1 + ... + Z_n > eps n). The tails F_n(j) = P(Z_1 + ... + Z_n >= j) follow each
  // other by F_{n+1}(j) = sum_{z<j} P(Z = z) F_n(j - z) + P(Z >= j), in which no term is negative.
  // Chances below `nothing` are taken for 0: at the ends of its range a float is slow and inexact.
  const exceedanceUpTo = (top, pmf, eps, weights, remaining, nothing) => {
    const size = floorOfTimes(eps, top) + 2;
    const tail = upperTail(pmf);
    const one = new Float64Array(size);
    one.set(tail.subarray(0, size));
    let longest = pmf.length; // of what one Z can add
    while (longest > 1 && tail[longest - 1] < nothing) longest--;
    const F = Float64Array.from(one);
    let highest = Math.min(longest, size) - 1; // F falls with j, and is 0 beyond
    let work = 0;
    let failing = 0;
    for (let n = 1; n <= top; n++) {
      if (n > 1) {
        highest = Math.min(highest + longest - 1, size - 1);
        work += highest * longest;
        if (work > MAX_WORK) throw new RangeError("d p² ε: must be smaller, for an answer at once");
        for (let j = highest; j >= 1; j--) {
          let chance = one[j];
          const most = Math.min(longest, j);
          for (let z = 0; z < most; z++) chance += pmf[z] * F[j - z];
          F[j] = chance;
        }
        while (highest > 0 && F[highest] < nothing) F[highest--] = 0;
      }
      failing += weights[n] * F[floorOfTimes(eps, n) + 1];
      if (n < top && remaining[n + 1] <= Math.max(NEGLIGIBLE * failing, nothing)) break;
    }
    return failing;
  };

  const exceedance = (pmf, eps, weights, nothing = NOTHING) => {
    const top = weights.length - 1;
    if (top < 1 || eps[0] >= BigInt(pmf.length - 1) * eps[1]) return 0; // Z is never more
    const remaining = upperTail(weights);
    // Far out the weights are next to nothing; how far they count depends on the total.
    let last = 1;
    while (last < top && remaining[last] > 1e-12 * NEGLIGIBLE) last++;
    for (;;) {
      const failing = exceedanceUpTo(last, pmf, eps, weights, remaining, nothing);
      const beyond = last === top ? 0 : remaining[last + 1];
      if (beyond <= Math.max(NEGLIGIBLE * failing, nothing)) return failing;
      last = Math.min(2 * last, top);
    }
  };

  // --- the figures of a layer, as `uand predict` has them for the mean read-off -------------------

  const KINDS = { both: 2, one: 1, none: 0 };

  const kindCounts = (m, ell) => ({
    both: (ell * (ell - 1)) / 2,
    one: ell * (m - ell),
    none: ((m - ell) * (m - ell - 1)) / 2,
  });

  // How many neurons read a pair: its chances, and E[1/K | K > 0].
  const readersOf = (d, p) => {
    const [a, b] = fraction(p);
    const chances = binomialPmf(d, [a * a, b * b]);
    const covered = total(chances.subarray(1));
    const inverse = total(chances.map((q, n) => (n ? q / n : 0))) / covered;
    return { chances, covered, inverse };
  };

  // Law B1: how likely a pair with c features on has no estimate, or one that errs by more than eps.
  const failureProbability = (ell, p, eps, c, readers, nothing) => {
    const pmf = excessPmf(ell - c, fraction(p), c);
    return readers.chances[0] + exceedance(pmf, fraction(eps), readers.chances, nothing);
  };

  // Mean and variance of the excess of one neuron, by A8, A9 and A10.
  const excessMoments = (ell, p, c) => {
    const { laws } = uand;
    const mean = laws[["A10.bias", "A9.bias", "A8.bias"][c]](ell, p);
    if (c === 0) return { mean, spread: variance(excessPmf(ell, fraction(p), 0)) };
    return { mean, spread: laws[c === 2 ? "A8.variance" : "A9.variance"](ell, p) };
  };

  // Bias and standard deviation of a covered pair's estimate.
  const errorOf = (ell, p, c, readers) => {
    if (!readers.covered) return { bias: null, sd: null };
    const { mean, spread } = excessMoments(ell, p, c);
    return { bias: mean, sd: Math.sqrt(spread * readers.inverse) };
  };

  const predict = (m, d, ell, p, eps, nothing = NOTHING) => {
    const readers = readersOf(d, p);
    const counts = kindCounts(m, ell);
    const pairs = {};
    for (const [kind, c] of Object.entries(KINDS)) {
      const count = counts[kind];
      if (!count) {
        pairs[kind] = { count, bias: null, sd: null, failure_probability: null, expected_failures: 0 };
        continue;
      }
      const chance = failureProbability(ell, p, eps, c, readers, nothing);
      pairs[kind] = {
        count,
        ...errorOf(ell, p, c, readers),
        failure_probability: chance,
        expected_failures: count * chance,
      };
    }
    const expected_failures = total(Object.values(pairs).map((kind) => kind.expected_failures));
    return { pairs, expected_failures };
  };

  const expectedFailures = (...layer) => predict(...layer).expected_failures;

  // --- the density at which the fewest pairs fail -------------------------------------------------

  const logit = (p) => Math.log(p / (1 - p));
  const fromLogit = (u) => 1 / (1 + Math.exp(-u));

  // What cannot be less: where the bias is beyond eps by t, a mean of n activations is within eps
  // with a chance of at most v / (v + n t^2), v being the variance of one (Cantelli's inequality).
  const atLeast = (m, d, ell, p, eps) => {
    const readers = readersOf(d, p);
    const counts = kindCounts(m, ell);
    const failing = Object.entries(KINDS).map(([kind, c]) => {
      const { mean, spread } = excessMoments(ell, p, c);
      const t = mean - eps;
      const beyond = t > 0 ? (w, n) => (n ? (w * n * t * t) / (spread + n * t * t) : w) : (w, n) => (n ? 0 : w);
      return counts[kind] * total(readers.chances.map(beyond));
    });
    return total(failing);
  };

  // Densities to look at, as log-odds, from too thin to too dense, as uand/universal.py has them; and
  // thinner ones, because a layer far too narrow does best if it leaves most pairs unread.
  const densities = (m, d, ell, eps) => {
    const least = logit(Math.min(0.5, Math.sqrt(0.3 / d), 0.3 / ell));
    const nats = Math.max(1, Math.log((m * (m - 1)) / 2));
    let most = Math.sqrt((50 * nats) / d);
    if (eps < 1) {
      const readers = eps > 0 ? most / Math.sqrt(eps) : Infinity;
      most = Math.max(most, Math.min((2 * eps) / Math.max(ell - 1, 1), readers));
    }
    const steps = (low, high, count) =>
      Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
    return most < 1 ? steps(least, logit(most), 28) : [...steps(least, 3, 24), 5, 8, 12, 17, 23, 29];
  };

  // Looks at the densities one by one, then closes in on the bottom of every valley. A generator,
  // so that a page can draw in between.
  function* fewestFailures(m, d, ell, eps) {
    let best = { failing: Infinity, p: null };
    const objective = (u) => {
      const p = fromLogit(u);
      let failing = atLeast(m, d, ell, p, eps);
      if (failing < best.failing) {
        failing = expectedFailures(m, d, ell, p, eps, COARSE);
        if (failing < best.failing) best = { failing, p };
      }
      return Math.log(Math.max(failing, 1e-300));
    };
    const grid = densities(m, d, ell, eps);
    const values = [];
    for (const u of grid) {
      values.push(objective(u));
      if (best.failing < FEW) return best;
      yield;
    }
    const at = (i) => values[i] ?? Infinity;
    const golden = (Math.sqrt(5) - 1) / 2;
    for (let i = 0; i < grid.length; i++) {
      if (!(at(i - 1) > at(i) && at(i) <= at(i + 1))) continue;
      let low = grid[Math.max(i - 1, 0)];
      let high = grid[Math.min(i + 1, grid.length - 1)];
      let inner = [high - golden * (high - low), low + golden * (high - low)];
      let found = inner.map(objective);
      while (high - low > 1e-4) {
        if (found[0] <= found[1]) {
          high = inner[1];
          inner = [high - golden * (high - low), inner[0]];
          found = [objective(inner[0]), found[0]];
        } else {
          low = inner[0];
          inner = [inner[1], low + golden * (high - low)];
          found = [found[1], objective(inner[1])];
        }
        if (best.failing < FEW) return best;
        yield;
      }
    }
    return best;
  }

  return {
    COARSE, FEW, KINDS, sum, choose, factorial, erf, erfc, fraction, ratio, binomialPmf, excessPmf, variance,
    upperTail, exceedance, kindCounts, readersOf, failureProbability, errorOf, predict,
    expectedFailures, densities, fewestFailures, fromLogit, logit,
  };
})();
