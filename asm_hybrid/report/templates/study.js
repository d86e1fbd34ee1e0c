"use strict";
(function () {
  const data = JSON.parse(document.getElementById("study-data").textContent);
  const columns = data.columns, total = data.cases.length;
  const at = (id) => document.getElementById(id);
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (name, attributes) => {
    const element = document.createElementNS(SVG, name);
    for (const key of Object.keys(attributes)) element.setAttribute(key, attributes[key]);
    return element;
  };
  const number = (value, digits) => {
    if (value === null) return "–";
    if (value === 0) return "0";
    const exponent = Math.floor(Math.log10(Math.abs(value)));
    const text = exponent >= -4 && exponent < 6
      ? value.toFixed(Math.max(0, Math.min(20, digits - 1 - exponent))) : value.toExponential(digits - 1);
    return text.replaceAll("-", "−");
  };
  const shown = (column, k) => (column.text ? column.values[k] : number(column.values[k], 4));
  const titled = (column) => column.name + (column.unit ? " [" + column.unit + "]" : "");

  // What each column spans, and where a value stands on its axis: 0 below, 1 above.
  columns.forEach((column) => {
    if (column.text) {
      column.kinds = [...new Set(column.values)];
      column.codes = column.values.map((value) => column.kinds.indexOf(value));
    } else {
      column.codes = column.values;
    }
    let low = Infinity, high = -Infinity;
    for (const value of column.codes) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
    column.known = low <= high;
    if (low === high) { const room = Math.abs(low) * 0.05 || 0.5; low -= room; high += room; }
    column.low = low; column.high = high;
  });
  const place = (column, value) => (value - column.low) / (column.high - column.low);

  const ranges = columns.map(() => null);
  let kept = new Uint8Array(total).fill(1), count = total;
  let axes = data.axes.slice(), colour = data.colour, chosen = -1;
  let order = Array.from({ length: total }, (_, k) => k), visible = order, page = 0;
  let sorted = { column: -1, down: false };

  function filter() {
    count = 0;
    for (let k = 0; k < total; k++) {
      let inside = 1;
      for (let i = 0; i < columns.length && inside; i++) {
        const range = ranges[i], value = columns[i].codes[k];
        if (range && (value === null || value < range[0] || value > range[1])) inside = 0;
      }
      kept[k] = inside; count += inside;
    }
    at("kept").textContent = ranges.some((range) => range) ? count + " of " + total + " cases are kept" : "";
    at("clear").disabled = !ranges.some((range) => range);
    page = 0;
    select();
    redraw();
  }

  // The table.
  const body = at("table").tBodies[0], head = at("table").tHead.rows[0];
  function select() {
    const state = at("state").value;
    visible = order.filter((k) => kept[k] && (!state || (state === "front" ? data.front[k]
      : state === "failed" ? data.failed[k] : !data.failed[k])));
    fill();
  }
  function fill() {
    const pages = Math.max(1, Math.ceil(visible.length / data.rows));
    page = Math.max(0, Math.min(page, pages - 1));
    const first = page * data.rows, part = visible.slice(first, first + data.rows);
    body.replaceChildren(...part.map(row));
    at("place").textContent = visible.length ? (first + 1) + " to " + (first + part.length) + " of " + visible.length : "none";
    at("first").disabled = at("previous").disabled = page === 0;
    at("next").disabled = at("last").disabled = page >= pages - 1;
  }
  function row(k) {
    const line = make("tr"), name = make("th"), button = make("button", String(data.cases[k]));
    name.scope = "row";
    button.type = "button"; button.title = "show this case among the lines";
    button.setAttribute("aria-pressed", String(k === chosen));
    button.addEventListener("click", () => {
      chosen = chosen === k ? -1 : k;
      for (const other of body.rows) {
        const on = other === line && chosen === k;
        other.classList.toggle("chosen", on);
        other.cells[0].firstChild.setAttribute("aria-pressed", String(on));
      }
      redraw();
    });
    name.append(button);
    line.append(name, ...columns.map((column) => make("td", shown(column, k), column.text ? "text" : "")));
    line.append(make("td", data.failed[k] ? "failed" : data.front[k] ? "on the front" : "", "text"));
    if (data.failed[k]) line.classList.add("failed");
    if (k === chosen) line.classList.add("chosen");
    return line;
  }
  const states = data.cases.map((_, k) => (data.failed[k] ? 2 : data.front[k] ? 0 : 1));
  const keys = [data.cases, ...columns.map((column) => column.values), states];
  function sortBy(i) {
    const down = sorted.column === i && !sorted.down, values = keys[i], sign = down ? -1 : 1;
    sorted = { column: i, down };
    order.sort((a, b) => {
      const x = values[a], y = values[b];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      if (x === y) return a - b;
      return sign * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y);
    });
    for (let j = 0; j < head.cells.length; j++) {
      head.cells[j].setAttribute("aria-sort", j !== i ? "none" : down ? "descending" : "ascending");
    }
    page = 0;
    select();
  }
  for (let i = 0; i < head.cells.length; i++) {
    const cell = head.cells[i], button = make("button");
    button.type = "button";
    button.append(...cell.childNodes);
    button.insertBefore(make("span", undefined, "sort"), button.children[0] || null);
    cell.append(button);
    cell.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sortBy(i));
  }
  const turn = (id, to) => at(id).addEventListener("click", () => { page = to(page); fill(); });
  turn("first", () => 0); turn("previous", (p) => p - 1); turn("next", (p) => p + 1); turn("last", () => total);
  at("state").addEventListener("change", () => { page = 0; select(); });

  // The lines.
  const box = at("lines"), TOP = 74, TALL = 300, FOOT = 16, LEAST = 104;
  const RAMP = [[0, 114, 178], [163, 168, 176], [213, 94, 0]];
  function tint(share) {
    const part = Math.min(1, Math.max(0, share)) * 2, i = Math.min(1, Math.floor(part)), f = part - i;
    return RAMP[i].map((from, c) => Math.round(from + f * (RAMP[i + 1][c] - from)));
  }
  let canvas = null, spots = [], brushes = {};
  function build() {
    box.replaceChildren();
    spots = []; brushes = {}; canvas = null;
    if (!axes.length) return;
    const inner = make("div", undefined, "inner");
    const width = Math.max(box.clientWidth - 2, axes.length * LEAST), each = width / axes.length;
    inner.style.width = width + "px"; inner.style.height = TOP + TALL + FOOT + "px";
    canvas = make("canvas");
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale); canvas.height = Math.round((TOP + TALL + FOOT) * scale);
    canvas.style.width = width + "px"; canvas.style.height = TOP + TALL + FOOT + "px";
    const picture = draw("svg", { width, height: TOP + TALL + FOOT, "aria-hidden": "true" });
    inner.append(canvas, picture);
    axes.forEach((index, position) => {
      const column = columns[index], x = (position + 0.5) * each;
      spots.push(x);
      const name = make("div", undefined, "name " + column.kind);
      name.title = column.description;
      name.style.left = position * each + "px"; name.style.width = each + "px"; name.style.height = TOP - 14 + "px";
      name.append(make("b", column.name), make("small", column.unit));
      inner.append(name);
      picture.append(draw("line", { class: "axis", x1: x, x2: x, y1: TOP, y2: TOP + TALL }));
      ticks(column).forEach(([value, text]) => {
        const y = TOP + TALL * (1 - place(column, value));
        picture.append(draw("line", { class: "axis", x1: x - 3, x2: x + 3, y1: y, y2: y }));
        const label = draw("text", { x: x + 6, y: y + 4 });
        label.textContent = text;
        picture.append(label);
      });
      const brush = draw("rect", { class: "brush", x: x - 9, width: 18, y: 0, height: 0 });
      const hit = draw("rect", { class: "hit", x: x - 18, width: 36, y: TOP - 6, height: TALL + 12 });
      picture.append(brush, hit);
      brushes[index] = brush;
      drag(hit, column, index);
    });
    box.append(inner);
    redraw();
  }
  function ticks(column) {
    if (!column.known) return [];
    if (column.text) return column.kinds.map((kind, i) => [i, kind.length > 12 ? kind.slice(0, 11) + "…" : kind]);
    const step0 = (column.high - column.low) / 5, power = Math.pow(10, Math.floor(Math.log10(step0)));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= step0);
    const found = [];
    for (let i = Math.ceil(column.low / step); i * step <= column.high && found.length < 9; i++) {
      found.push([i * step, String(Number((i * step).toPrecision(10))).replace("-", "−")]);
    }
    return found;
  }
  function drag(hit, column, index) {
    let start = null, moved = false;
    const value = (event) => {
      const share = 1 - (event.clientY - hit.getBoundingClientRect().top - 6) / TALL;
      return column.low + Math.min(1, Math.max(0, share)) * (column.high - column.low);
    };
    hit.addEventListener("pointerdown", (event) => {
      start = value(event); moved = false;
      hit.setPointerCapture(event.pointerId);
    });
    hit.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const end = value(event);
      if (Math.abs(end - start) < 0.015 * (column.high - column.low) && !moved) return;
      moved = true;
      ranges[index] = [Math.min(start, end), Math.max(start, end)];
      later(filter);
    });
    const stop = () => {
      if (start === null) return;
      start = null;
      if (!moved) ranges[index] = null;
      later(() => { filter(); write(); });
    };
    hit.addEventListener("pointerup", stop);
    hit.addEventListener("pointercancel", stop);
  }
  let waiting = null;
  function later(work) {
    if (waiting === null) requestAnimationFrame(() => { const now = waiting; waiting = null; now(); });
    waiting = work;
  }
  function redraw() {
    if (!canvas) return;
    axes.forEach((index) => {
      const range = ranges[index], brush = brushes[index], column = columns[index];
      const [low, high] = range ? range.map((v) => Math.min(1, Math.max(0, place(column, v)))) : [0, 0];
      brush.setAttribute("y", TOP + TALL * (1 - high));
      brush.setAttribute("height", range ? Math.max(2, TALL * (high - low)) : 0);
    });
    const context = canvas.getContext("2d"), scale = window.devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const by = colour >= 0 ? columns[colour] : null;
    context.lineWidth = total > 2000 ? 0.6 : 1;
    context.strokeStyle = "rgba(170,178,188," + Math.max(0.03, Math.min(0.3, 60 / total)) + ")";
    if (count < total) for (let k = 0; k < total; k++) if (!kept[k]) stroke(context, k);
    const alpha = Math.max(0.06, Math.min(0.75, 80 / Math.max(1, count)));
    for (let k = 0; k < total; k++) {
      if (!kept[k]) continue;
      const value = by ? by.codes[k] : null;
      const rgb = data.failed[k] ? [166, 54, 3] : value === null ? [91, 102, 117] : tint(place(by, value));
      context.strokeStyle = "rgba(" + rgb.join(",") + "," + (data.failed[k] ? Math.max(alpha, 0.4) : alpha) + ")";
      stroke(context, k);
    }
    if (chosen >= 0) {
      context.lineWidth = 3; context.strokeStyle = "#1b2430";
      stroke(context, chosen);
    }
  }
  function stroke(context, k) {
    let pen = false;
    context.beginPath();
    for (let a = 0; a < axes.length; a++) {
      const column = columns[axes[a]], value = column.codes[k];
      if (value === null) { pen = false; continue; }
      const y = TOP + TALL * (1 - place(column, value));
      if (axes.length === 1) { context.moveTo(spots[a] - 12, y); context.lineTo(spots[a] + 12, y); continue; }
      if (pen) context.lineTo(spots[a], y); else context.moveTo(spots[a], y);
      pen = true;
    }
    context.stroke();
  }

  // Ranges, axes and colour by keyboard.
  const fields = columns.map((column, index) => {
    const line = make("div"), label = make("span", titled(column));
    label.id = "range-" + index;
    line.append(label);
    const own = column.text ? [make("select")] : [make("input"), make("input")];
    own.forEach((field, end) => {
      field.setAttribute("aria-label", titled(column) + (column.text ? "" : end ? ", at most" : ", at least"));
      if (column.text) {
        field.append(make("option", "any"), ...column.kinds.map((kind) => make("option", kind)));
      } else {
        field.type = "number"; field.step = "any"; field.disabled = !column.known;
        field.placeholder = end ? "at most" : "at least";
      }
      field.addEventListener("change", () => {
        if (column.text) {
          ranges[index] = field.selectedIndex ? [field.selectedIndex - 1, field.selectedIndex - 1] : null;
        } else {
          const [low, high] = own.map((f) => (f.value === "" ? null : Number(f.value)));
          ranges[index] = low === null && high === null ? null
            : [low === null ? -Infinity : low, high === null ? Infinity : high];
        }
        filter();
      });
    });
    line.append(...own);
    at("ranges").append(line);
    return own;
  });
  function write() {
    columns.forEach((column, index) => {
      const range = ranges[index], own = fields[index];
      if (column.text) own[0].selectedIndex = range && range[0] === range[1] ? range[0] + 1 : 0;
      else own.forEach((f, end) => { f.value = range && isFinite(range[end]) ? Number(range[end].toPrecision(4)) : ""; });
    });
  }
  columns.forEach((column, index) => {
    const label = make("label"), check = make("input");
    check.type = "checkbox"; check.checked = axes.includes(index);
    check.addEventListener("change", () => {
      axes = columns.map((_, i) => i).filter((i) => (i === index ? check.checked : axes.includes(i)));
      build();
    });
    label.append(check, make("span", column.name));
    at("axes").append(label);
    const option = make("option", titled(column));
    option.value = String(index);
    at("colour").append(option);
  });
  at("colour").value = String(colour);
  function ramp() {
    const column = columns[colour], strip = make("span", undefined, "ramp");
    if (!column || !column.known) { at("ramp").replaceChildren(); return; }
    const ends = column.text ? [column.kinds[0], column.kinds[column.kinds.length - 1]]
      : [number(column.low, 4), number(column.high, 4)];
    at("ramp").replaceChildren(ends[0], strip, ends[1]);
  }
  at("colour").addEventListener("change", () => { colour = Number(at("colour").value); ramp(); redraw(); });
  at("clear").addEventListener("click", () => { ranges.fill(null); write(); filter(); });
  document.querySelectorAll(".script-only").forEach((element) => element.classList.remove("hidden"));
  ramp();
  build();
  filter();
  let width = box.clientWidth;
  window.addEventListener("resize", () => { if (box.clientWidth !== width) { width = box.clientWidth; later(build); } });
})();
