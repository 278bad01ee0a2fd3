// A small plot in SVG: axes with ticks, lines, vertical marks, and a marker that moves. Colours and
// dashes are classes, so that the style sheet decides them in light and in dark.
"use strict";

uand.plot = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const HEIGHT = 310;
  const MARGIN = { left: 68, right: 14, top: 32, bottom: 46 };

  const element = (parent, name, attributes, text) => {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };

  const superscript = (exponent) =>
    [...String(exponent)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");

  // Numbers as a reader writes them: 0.25, 12,000, 3.1·10⁻⁹.
  const shown = (value, digits = 3) => {
    if (value === null || Number.isNaN(value)) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 10 ** Math.max(digits, 7) || size < 1e-4) {
      const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
      const power = `10${superscript(Number(exponent))}`;
      return Number(mantissa) === 1 ? power : `${Number(mantissa)}·${power}`;
    }
    const rounded = size >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits));
    if (rounded === 1 && value < 1) return "nearly 1";
    return rounded.toLocaleString("en", { maximumFractionDigits: 12 });
  };

  // On an axis there is less room.
  const tickText = (value) =>
    value >= 1e5 || (value > 0 && value < 1e-3)
      ? shown(value, 1).replace(/^(\d{1,3}),000(,000)?$/, (_, n, more) => {
          const power = `10${superscript((more ? 6 : 3) + n.length - 1)}`;
          return n[0] === "1" ? power : `${n[0]}·${power}`;
        })
      : shown(value);

  const linearTicks = ([low, high]) => {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= rough);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) ticks.push(i * step);
    return ticks;
  };

  // Powers of ten; with 2 and 5 between them where there are few.
  const logTicks = ([low, high]) => {
    const decades = Math.log10(high / low);
    const stride = Math.max(1, Math.ceil(decades / 6));
    const factors = decades < 2.5 ? [1, 2, 5] : [1];
    const ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high) + 1e-9; e++) {
      if (e % stride) continue;
      ticks.push(...factors.map((f) => Number(`${f}e${e}`)).filter((t) => t >= low && t <= high));
    }
    return ticks;
  };

  const axis = ({ range, log }, from, to) => {
    const place = log ? Math.log : (v) => v;
    const [low, high] = range.map(place);
    return {
      ticks: log ? logTicks(range) : linearTicks(range),
      at: (v) => from + ((place(v) - low) / (high - low)) * (to - from),
      inside: (v) => v !== null && v >= range[0] * (1 - 1e-12) && v <= range[1] * (1 + 1e-12),
    };
  };

  // A path through the points; a value that is not there, or below the axis, breaks it.
  const path = (points, x, y) => {
    let pen = "M";
    let text = "";
    for (const [a, b] of points) {
      if (b === null || Number.isNaN(b) || !x.inside(a) || !y.inside(b)) {
        pen = "M";
        continue;
      }
      text += `${pen}${x.at(a).toFixed(1)} ${y.at(b).toFixed(1)}`;
      pen = "L";
    }
    return text;
  };

  // what: {x, y: {label, range, log}, lines: [{look, points}], marks: [{at, label}],
  //        places: [{x, y, label, look}], marker: {at, values: [{y, look}]}}
  const draw = (svg, what) => {
    const width = Math.max(svg.parentElement.clientWidth, 260);
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", HEIGHT);
    svg.replaceChildren();
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    const x = axis(what.x, MARGIN.left, right);
    const y = axis(what.y, bottom, MARGIN.top);
    const few = Math.ceil(x.ticks.length / (width < 420 ? 5 : 12));

    for (const [i, tick] of x.ticks.entries()) {
      const at = x.at(tick);
      element(svg, "line", { class: "grid", x1: at, x2: at, y1: MARGIN.top, y2: bottom });
      if (i % few) continue;
      element(svg, "text", { x: at, y: bottom + 18, "text-anchor": "middle" }, tickText(tick));
    }
    for (const tick of y.ticks) {
      const at = y.at(tick);
      element(svg, "line", { class: "grid", x1: MARGIN.left, x2: right, y1: at, y2: at });
      element(svg, "text", { x: MARGIN.left - 6, y: at + 4, "text-anchor": "end" }, tickText(tick));
    }
    element(svg, "path", {
      class: "frame",
      d: `M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}`,
    });
    const middle = (MARGIN.left + right) / 2;
    element(svg, "text", { x: middle, y: HEIGHT - 8, "text-anchor": "middle" }, what.x.label);
    element(
      svg,
      "text",
      { transform: `translate(13 ${(MARGIN.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" },
      what.y.label,
    );

    for (const mark of what.marks ?? []) {
      if (!x.inside(mark.at)) continue;
      const at = x.at(mark.at);
      element(svg, "line", { class: "mark", x1: at, x2: at, y1: MARGIN.top, y2: bottom });
      const end = at > middle; // the label, above the frame, goes to the side with more room
      const place = { x: at, y: MARGIN.top - 5 - (mark.line ?? 0) * 14, "text-anchor": end ? "end" : "start" };
      element(svg, "text", place, mark.label);
    }
    for (const { look, points } of what.lines) {
      element(svg, "path", { class: `line ${look}`, d: path(points, x, y) });
    }
    for (const place of what.places ?? []) {
      if (!x.inside(place.x) || !y.inside(place.y)) continue;
      const [cx, cy] = [x.at(place.x), y.at(place.y)];
      element(svg, "circle", { class: `place ${place.look}`, cx, cy, r: place.look === "own" ? 7 : 4 });
      if (!place.label || (width < 420 && place.look !== "own")) continue;
      const end = cx > right - 90;
      element(
        svg,
        "text",
        { class: "small", x: cx + (end ? -9 : 9), y: cy + (place.shift ?? 4), "text-anchor": end ? "end" : "start" },
        place.label,
      );
    }
    if (what.marker && x.inside(what.marker.at)) {
      const at = x.at(what.marker.at);
      element(svg, "line", { class: "marker", x1: at, x2: at, y1: MARGIN.top, y2: bottom });
      for (const { y: value, look } of what.marker.values) {
        if (y.inside(value)) element(svg, "circle", { class: `dot ${look}`, cx: at, cy: y.at(value), r: 5 });
      }
    }
  };

  // So many numbers from low to high, evenly, or evenly in the logarithm.
  const spaced = (low, high, count, log) =>
    Array.from({ length: count }, (_, i) => {
      const t = i / (count - 1);
      return log ? low * (high / low) ** t : low + (high - low) * t;
    });

  return { draw, shown, spaced };
})();
