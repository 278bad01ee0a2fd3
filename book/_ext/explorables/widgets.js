// The explorables themselves: what each shows when its parameters change.
//
// The page holds labels, inputs and empty tables (see explorables.py); here they are filled, and the
// plot is drawn. Whatever takes longer than a frame is a generator that yields, and gives way both to
// the browser and to the next change.
"use strict";

(() => {
  const { numbers, plot, laws, data } = uand;
  const { shown, spaced } = plot;
  const KINDS = Object.keys(numbers.KINDS);
  const SLICE = 12; // milliseconds of a frame that an explorable may take

  // --- parameters ------------------------------------------------------------------------------

  const nearest = (values, value) =>
    values.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best), 0);

  // A slider over stops and a number that says the same; the number decides.
  const control = (box, changed) => {
    const slider = box.querySelector('[type="range"]');
    const number = box.querySelector('[type="number"]');
    const values = JSON.parse(box.dataset.values);
    const whole = values.every(Number.isInteger);
    const [low, high] = [Number(number.min), Number(number.max)];
    let value = Number(number.value);
    const set = (next) => {
      value = next;
      slider.value = nearest(values, value);
      slider.setAttribute("aria-valuetext", shown(value));
      changed();
    };
    slider.addEventListener("input", () => {
      number.value = values[slider.value];
      set(values[slider.value]);
    });
    // While a number is typed it counts once it is one; what is left of it is put right at the end.
    number.addEventListener("input", () => {
      const typed = number.valueAsNumber;
      if (typed >= low && typed <= high && (!whole || Number.isInteger(typed))) set(typed);
    });
    number.addEventListener("change", () => {
      const typed = number.valueAsNumber;
      const within = Math.min(Math.max(Number.isNaN(typed) ? value : typed, low), high);
      const right = whole ? Math.round(within) : within;
      number.value = right;
      if (right !== value) set(right);
    });
    return () => value;
  };

  // --- what a reader sees ------------------------------------------------------------------------

  const view = (root) => ({
    root,
    // A number in the table, as a reader likes it; in full beside it, for who wants to check.
    put(name, value, text = shown(value)) {
      const cell = root.querySelector(`[data-figure="${name}"]`);
      cell.textContent = text;
      cell.dataset.value = value === null ? "" : String(value);
    },
    putKinds(pairs) {
      for (const kind of KINDS) {
        for (const [name, value] of Object.entries(pairs[kind])) this.put(`${kind}.${name}`, value);
      }
    },
    say(text) {
      root.querySelector("output").textContent = text;
    },
    draw(what, words) {
      const svg = root.querySelector(".explorable-plot");
      plot.draw(svg, what);
      svg.setAttribute("aria-label", words);
    },
    chosen: (name) => root.querySelector(`[data-choice="${name}"] :checked`).value,
  });

  // Down to one pair, a thousandth, a millionth ...: far enough to show the least of all kinds.
  const failingAxis = (m, found) => {
    const least = Math.min(...found.map((law) => law.expected_failures));
    const low = 1000 ** Math.max(Math.min(Math.floor(Math.log10(Math.max(least, 1e-12)) / 3), 0), -4);
    return { label: "pairs expected to fail", range: [low, (m * m) / 2], log: true };
  };

  // The figures at each density, one density a step.
  function* along(densities, m, d, ell, eps) {
    const found = [];
    for (const p of densities) {
      found.push(numbers.predict(m, d, ell, Number(p.toPrecision(6)), eps, numbers.COARSE));
      yield;
    }
    return found;
  }

  const byKind = (densities, found, name) =>
    KINDS.map((kind) => ({ look: kind, points: densities.map((p, i) => [p, found[i].pairs[kind][name]]) }));

  // --- coverage --------------------------------------------------------------------------------

  function* coverage({ m, d, p }, page) {
    const threshold = laws["A14.threshold"](m, d);
    const post = laws["A15.p"](m, d);
    const all = laws["A13.all_covered"](m, d, p);
    const uncovered = laws["A13.uncovered"](m, d, p);
    const share = laws["A19.readable"](d, p);
    page.put("readers", laws["A12.readers"](d, p));
    page.put("uncovered", uncovered);
    page.put("all_covered", all);
    page.put("threshold", threshold);
    page.put("coordinate", laws["A14.coordinate"](m, d, p));
    page.put("post", post, post > 1 ? `${shown(post)}, no chance` : shown(post));
    const densities = spaced(0.005, 1, 300, true);
    const words =
      `At p = ${shown(p)} a share of ${shown(share)} of the pairs has an estimate, ${shown(uncovered)} pairs ` +
      `have none on average, and with chance ${shown(all)} every pair has one. The threshold is ${shown(threshold)}.`;
    page.draw(
      {
        x: { label: "density p", range: [0.005, 1], log: true },
        y: { label: "share, or chance", range: [0, 1] },
        lines: [
          { look: "share", points: densities.map((q) => [q, laws["A19.readable"](d, q)]) },
          { look: "all", points: densities.map((q) => [q, laws["A13.all_covered"](m, d, q)]) },
        ],
        marks: [
          { at: threshold, label: "p∗" },
          { at: post, label: "post", line: 1 },
        ],
        marker: { at: p, values: [{ y: share, look: "share" }, { y: all, look: "all" }] },
      },
      `Share of the pairs with an estimate, and chance that all have one, against the density. ${words}`,
    );
    page.say(words);
  }

  // --- failures, bias and fluctuation ------------------------------------------------------------

  function* failures({ m, d, ell, p, eps }, page) {
    const law = numbers.predict(m, d, ell, p, eps);
    page.putKinds(law.pairs);
    page.put("expected_failures", law.expected_failures);
    const name = page.chosen("shown");
    const densities = spaced(0.002, 0.25, 61, true);
    const found = yield* along(densities, m, d, ell, eps);
    const label = { expected_failures: "pairs expected to fail", bias: "bias", sd: "fluctuation" }[name];
    const worst = KINDS.reduce((a, b) => (law.pairs[b].expected_failures > law.pairs[a].expected_failures ? b : a));
    const words =
      `At p = ${shown(p)}, ${shown(law.expected_failures)} of ${shown((m * (m - 1)) / 2, 12)} pairs are expected ` +
      `to fail, most of them with ${worst} on. With one on the bias is ${shown(law.pairs.one.bias)} and the ` +
      `fluctuation ${shown(law.pairs.one.sd)}.`;
    page.draw(
      {
        x: { label: "density p", range: [0.002, 0.25], log: true },
        y: name === "expected_failures" ? failingAxis(m, found) : { label, range: [1e-4, 10], log: true },
        lines: byKind(densities, found, name),
        marks: name === "bias" ? [] : [{ at: laws["A14.threshold"](m, d), label: "p∗, coverage" }],
        marker: { at: p, values: KINDS.map((kind) => ({ y: law.pairs[kind][name], look: kind })) },
      },
      `${label} against the density, by kind of pair. ${words}`,
    );
    page.say(words);
  }

  // --- the calculator ----------------------------------------------------------------------------

  function* calculator({ m, d, ell, eps }, page) {
    const best = yield* numbers.fewestFailures(m, d, ell, eps);
    const p = Number(best.p.toPrecision(4)); // as it is shown, so that the numbers are those of it
    const law = numbers.predict(m, d, ell, p, eps);
    const uncovered = laws["A13.uncovered"](m, d, p);
    page.put("p", p, String(p));
    page.put("expected_failures", law.expected_failures);
    page.put("uncovered", uncovered);
    page.putKinds(law.pairs);
    page.root.querySelector("code").textContent =
      `uand predict --m ${m} --d ${d} --ell ${ell} --p ${p} --eps ${eps}`;
    // Far beyond the best density a number takes long, and says only that nearly all fail.
    const dense = Math.max(Math.min((2 * eps + 1) / (ell - 1), Math.sqrt(2000 / d)), 1.5 * best.p);
    const range = [best.p / 15, Math.min(best.p * 5, dense, 0.9)];
    const densities = spaced(...range, 50, true);
    const found = yield* along(densities, m, d, ell, eps);
    const { one } = law.pairs;
    const which = best.failing < numbers.FEW ? "a density that is good enough" : "the best density";
    const words =
      `${shown(d, 12)} neurons, ${shown(m, 12)} features, ${ell} on: at ${which}, ${p}, ` +
      `${shown(law.expected_failures)} of ${shown((m * (m - 1)) / 2, 12)} pairs are expected to fail. ` +
      `An estimate with one on is wrong by ${shown(one.bias)} on average, give or take ${shown(one.sd)}.`;
    page.draw(
      {
        x: { label: "density p", range, log: true },
        y: failingAxis(m, found),
        lines: [
          { look: "total", points: densities.map((q, i) => [q, found[i].expected_failures]) },
          ...byKind(densities, found, "expected_failures"),
        ],
        marks: [{ at: laws["A14.threshold"](m, d), label: "p∗, coverage" }],
        marker: { at: p, values: [{ y: law.expected_failures, look: "total" }] },
      },
      `Pairs expected to fail against the density, by kind of pair and in all, the best density marked. ${words}`,
    );
    page.say(words);
  }

  // --- the map of sizes ----------------------------------------------------------------------------

  const nats = (m, ell) => Math.log((ell * (m - ell)) / data.delta);
  const borders = (m, ell, eps) => ({
    mean: laws["B2.width"](ell, nats(m, ell), eps, data.rho),
    contrast: laws["B3.width"](ell, nats(m, ell), eps),
    meet: laws["B2.feasible"](m, ell),
    each: (m * (m - 1)) / 2,
  });

  function* map({ m, d, ell, eps }, page) {
    const here = borders(m, ell, eps);
    const conflict = laws["A18.conflict"](m, ell, d);
    page.put("mean", here.mean / d);
    page.put("contrast", here.contrast / d);
    page.put("conflict", conflict);
    page.put("readable", laws["A19.readable"](d, 1 / ell));
    const sizes = spaced(2, 256, 60, true);
    const wide = (ratio) => (ratio > 1 ? `${shown(ratio)} times too narrow` : `wide enough ${shown(1 / ratio)} times over`);
    const words =
      `Your layer of ${shown(d, 12)} neurons with ${ell} of ${shown(m, 12)} features on is ${wide(here.mean / d)} for the ` +
      `mean read-off and ${wide(here.contrast / d)} for the contrast, by the laws for small ε. Where it covers all pairs ` +
      `a neuron has ${shown(conflict)} features on.`;
    page.draw(
      {
        x: { label: "features on, ℓ", range: [2, 256], log: true },
        y: { label: "neurons d", range: [50, 1e9], log: true },
        lines: Object.keys(here).map((look) => ({
          look,
          points: sizes.map((on) => [on, borders(m, on, eps)[look]]),
        })),
        places: [
          ...data.models.map((one) => ({ ...one, look: "published" })),
          { x: ell, y: d, label: "your layer", look: "own", shift: -9 },
        ],
      },
      `Neurons against features on: the least widths of the two read-offs, and published dictionaries. ${words}`,
    );
    page.say(words);
    const best = yield* numbers.fewestFailures(m, d, ell, eps);
    page.put("expected_failures", best.failing);
  }

  // --- running them --------------------------------------------------------------------------------

  // Run a generator, a slice a frame, until it ends or a newer one takes its place.
  const runner = (root) => {
    let job = null;
    let waiting = false;
    const slice = () => {
      waiting = false;
      const until = performance.now() + SLICE;
      try {
        do {
          if (job.next().done) {
            root.dataset.state = "idle";
            return;
          }
        } while (performance.now() < until);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        root.querySelector("output").textContent = error.message;
        root.dataset.state = "idle";
        return;
      }
      waiting = true;
      requestAnimationFrame(slice);
    };
    return (next) => {
      job = next;
      root.dataset.state = "busy";
      if (!waiting) {
        waiting = true;
        requestAnimationFrame(slice);
      }
    };
  };

  const start = (root, compute) => {
    const page = view(root);
    const run = runner(root);
    const controls = {};
    const changed = () => {
      const values = Object.fromEntries(Object.entries(controls).map(([name, get]) => [name, get()]));
      run(compute(values, page));
    };
    for (const box of root.querySelectorAll("[data-control]")) {
      controls[box.dataset.control] = control(box, changed);
    }
    for (const radio of root.querySelectorAll('[type="radio"]')) radio.addEventListener("change", changed);
    // The first call of the observer draws for the first time; further ones, when the width changes.
    let width = null;
    new ResizeObserver(([entry]) => {
      const now = Math.round(entry.contentRect.width);
      if (now !== width && now > 0) changed();
      width = now;
    }).observe(root.querySelector(".explorable-canvas"));
  };

  // --- a layer to touch -----------------------------------------------------------------------------

  const make = (name, attributes, text) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // The mean activation of the neurons that read both, over the sum and the number of them.
  const readOff = (W, z, a, b) => {
    const readers = W.map((row, i) => (row[a] && row[b] ? z[i] : null)).filter((value) => value !== null);
    return { K: readers.length, S: readers.reduce((total, value) => total + value, 0) };
  };

  // Within one half of the truth, in whole numbers: |S - tK| <= K/2.
  const verdict = ({ K, S }, truth) =>
    K === 0 ? "missing" : 2 * Math.abs(S - truth * K) <= K ? "right" : "wrong";
  const MARK = { right: "✓", wrong: "✗", missing: "–" };
  const WORDS = { right: "right", wrong: "wrong", missing: "no estimate" };

  const layer = (root) => {
    const page = view(root);
    const [lines, features, cells, table] = [
      ".explorable-layer svg", ".explorable-features", ".explorable-neurons", "table",
    ].map((selector) => root.querySelector(selector));
    const another = root.querySelector('[data-action="another"]');
    const across = (i, n) => `${(100 * (i + 0.5)) / n}%`;
    let which = 0;
    let W = [];
    let on = [];

    const show = () => {
      const [d, m] = [W.length, W[0].length];
      const z = W.map((row) => Math.max(row.reduce((k, reads, a) => k + reads * on[a], 0) - 1, 0));
      for (const [a, button] of [...features.children].entries()) {
        button.setAttribute("aria-pressed", String(Boolean(on[a])));
      }
      for (const [i, neuron] of [...cells.children].entries()) {
        const read = W[i].flatMap((reads, a) => (reads ? [a + 1] : []));
        neuron.textContent = z[i];
        neuron.classList.toggle("on", z[i] > 0);
        neuron.setAttribute("aria-label", `neuron ${i + 1} reads ${read.join(", ") || "nothing"}: activation ${z[i]}`);
      }
      for (const line of lines.children) line.classList.toggle("on", Boolean(on[line.dataset.feature]));
      const count = { right: 0, wrong: 0, missing: 0 };
      for (const cell of table.querySelectorAll("td[data-pair]")) {
        const [a, b] = cell.dataset.pair.split(",").map(Number);
        const sums = readOff(W, z, a, b);
        const truth = Number(on[a] && on[b]);
        const judged = verdict(sums, truth);
        count[judged] += 1;
        cell.className = `${judged}${truth ? " both" : ""}`;
        cell.dataset.value = sums.K ? String(sums.S / sums.K) : "";
        cell.dataset.verdict = judged;
        const mark = make("span", { "aria-hidden": "true" }, MARK[judged]);
        const words = make("span", { class: "explorable-spoken" }, `, ${WORDS[judged]}${truth ? ", both on" : ""}`);
        cell.replaceChildren(sums.K ? `${Number((sums.S / sums.K).toFixed(2))} ` : "", mark, words);
      }
      const number = on.filter(Boolean).length;
      page.say(
        `${number} of ${m} features on, ${z.filter(Boolean).length} of ${d} neurons on. Of ${(m * (m - 1)) / 2} pairs: ` +
          `${count.right} right, ${count.wrong} wrong, ${count.missing} without an estimate.`,
      );
    };

    const toggle = (a) => {
      on[a] = on[a] ? 0 : 1;
      show();
    };

    // The arrow keys go from feature to feature; Tab, Space and Enter are the browser's.
    const move = (event) => {
      const buttons = [...features.children];
      const at = buttons.indexOf(event.target);
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      buttons[(to + buttons.length) % buttons.length].focus();
    };

    const build = () => {
      const name = page.chosen("layer");
      W = data.layers[name][which % data.layers[name].length];
      const [d, m] = [W.length, W[0].length];
      on = W[0].map((_, a) => Number(data.on[name].includes(a + 1)));
      another.hidden = name === "hand";
      root.dataset.layer = `${name},${which % data.layers[name].length}`;
      features.replaceChildren(
        ...on.map((_, a) => {
          const button = make("button", { type: "button", "aria-label": `feature ${a + 1}` }, a + 1);
          button.style.left = across(a, m);
          button.addEventListener("click", () => toggle(a));
          return button;
        }),
      );
      cells.replaceChildren(
        ...W.map((_, i) => {
          const neuron = make("span", { role: "img" });
          neuron.style.left = across(i, d);
          neuron.style.width = `min(2rem, ${90 / d}%)`;
          return neuron;
        }),
      );
      lines.replaceChildren();
      W.forEach((row, i) => {
        row.forEach((reads, a) => {
          if (!reads) return;
          const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
          const ends = { x1: across(a, m), x2: across(i, d), y1: "12%", y2: "88%" };
          for (const [key, value] of Object.entries(ends)) line.setAttribute(key, value);
          line.dataset.feature = a;
          lines.append(line);
        });
      });
      const head = make("tr", {});
      head.append(make("th", { scope: "col" }, "and"));
      for (let b = 1; b < m; b++) head.append(make("th", { scope: "col" }, b + 1));
      const rows = [];
      for (let a = 0; a < m - 1; a++) {
        const row = make("tr", {});
        row.append(make("th", { scope: "row" }, a + 1));
        for (let b = 1; b < m; b++) row.append(make("td", b > a ? { "data-pair": `${a},${b}` } : {}));
        rows.push(row);
      }
      const [thead, tbody] = [make("thead", {}), make("tbody", {})];
      thead.append(head);
      tbody.append(...rows);
      table.replaceChildren(thead, tbody);
      show();
    };

    features.addEventListener("keydown", move);
    another.addEventListener("click", () => {
      which += 1;
      build();
    });
    for (const radio of root.querySelectorAll('[type="radio"]')) {
      radio.addEventListener("change", () => {
        which = 0;
        build();
      });
    }
    build();
    root.dataset.state = "idle";
  };

  // --- begin ------------------------------------------------------------------------------------

  const EXPLORABLES = { coverage, failures, calculator, map };
  for (const root of document.querySelectorAll("[data-explorable]")) {
    root.hidden = false;
    // Some browsers bring back the choice of an earlier visit; sliders and numbers start anew too.
    for (const radio of root.querySelectorAll('[type="radio"]')) radio.checked = radio.defaultChecked;
    root.closest("figure").classList.add("explorable-runs"); // the still is for paper from now on
    const kind = root.dataset.explorable;
    if (kind === "layer") layer(root);
    else start(root, EXPLORABLES[kind]);
  }
})();
