"use strict";
// The page is complete without this script, which adds: pausing, switching labels, reading charts, exploring the maps.
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const nearest = (values, wanted) => {
  let best = 0;
  values.forEach((value, index) => { if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = index; });
  return best;
};

// Moving previews: one button for all of them.
const root = document.documentElement, motion = document.getElementById("motion");
function move(playing) {
  root.dataset.motion = playing ? "playing" : "paused";
  motion.setAttribute("aria-pressed", String(!playing));
  motion.querySelector("span").textContent = playing ? "Pause clips" : "Play clips";
}
motion.addEventListener("click", () => move(root.dataset.motion === "paused"));
move(!matchMedia("(prefers-reduced-motion: reduce)").matches);

// The label that scores: the page holds every view, one is shown.
for (const input of all(".switch:not(.tabs) input")) {
  input.addEventListener("change", () => {
    for (const view of all("[data-label]")) view.toggleAttribute("hidden", view.dataset.label !== input.value);
    for (const twin of all(".switch:not(.tabs) input")) twin.checked = twin.value === input.value;
    highlight(null);
  });
}

// Charts: the pointer or the arrow keys choose a step, the key shows the values there.
for (const figure of all("[data-chart]")) {
  const { percent, range, lines } = data.charts[figure.dataset.chart];
  const plot = figure.querySelector(".plot"), cursor = figure.querySelector(".cursor");
  const outputs = all("output", figure), at = figure.querySelector(".at");
  const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const text = (value) => percent ? `${(100 * value).toFixed(1)} %` : String(Number(value.toPrecision(4)));
  let chosen = null;
  const show = (index) => {
    chosen = index;
    const step = index === null ? Infinity : steps[index];
    lines.forEach((line, number) => {
      const place = index === null ? line.steps.length - 1 : nearest(line.steps, step);
      outputs[number].textContent = line.steps.length ? text(line.values[place]) : "–";
    });
    at.textContent = index === null ? "at the last step" : `at step ${step.toLocaleString("en")}`;
    plot.setAttribute("aria-valuenow", String(index === null ? range[1] : step));
    plot.setAttribute("aria-valuetext", `${at.textContent}: ${lines.map((_, n) => outputs[n].parentNode.textContent).join(", ")}`);
    cursor.hidden = index === null;
    if (index !== null) cursor.style.left = `${100 * (step - range[0]) / (range[1] - range[0])}%`;
  };
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    show(nearest(steps, range[0] + (event.clientX - box.left) / box.width * (range[1] - range[0])));
  });
  plot.addEventListener("pointerleave", () => show(null));
  plot.addEventListener("blur", () => show(null));
  plot.addEventListener("keydown", (event) => {
    const last = steps.length - 1, from = chosen ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(Math.min(last, Math.max(0, to)));
  });
  if (steps.length) show(null);
}

// Maps: the video nearest to the pointer is shown moving, and marked on every map.
const SIDE = 440, MARGIN = 20, REACH = 24;
const maps = all("[data-map]").map((figure) => ({
  svg: figure.querySelector("svg"),
  peek: figure.querySelector(".peek"),
  points: data.maps[figure.dataset.map].map(([video, x, y]) => ({
    video, x: MARGIN + x * (SIDE - 2 * MARGIN), y: MARGIN + y * (SIDE - 2 * MARGIN),
  })),
}));

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function fill(peek, video) {
  const { id, labels, reason } = data.videos[video], screen = peek.querySelector(".screen");
  const picture = reason ? element("div", reason) : document.createElement("div");
  picture.className = reason ? "gone" : `clip clip-${video}`;
  screen.replaceChildren(picture);
  peek.querySelector("p").textContent = id;
  peek.querySelector("dl").replaceChildren(
    ...Object.entries(labels).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function select(map, video) {
  for (const dot of all(".maps .dot.on")) dot.classList.remove("on");
  for (const other of maps) if (other !== map || video === null) other.peek.hidden = true;
  map.chosen = video;
  if (video === null) return;
  for (const { svg, points } of maps) {
    const place = points.findIndex((point) => point.video === video);
    if (place >= 0) for (const group of all("g", svg)) group.children[place].classList.add("on");
  }
  const { x, y } = map.points.find((point) => point.video === video), { peek } = map;
  if (peek.dataset.video !== String(video)) fill(peek, video);
  peek.dataset.video = video;
  peek.hidden = false;
  const scale = map.svg.clientWidth / SIDE, room = map.svg.clientWidth - peek.offsetWidth;
  const left = x * scale + 14 + peek.offsetWidth > map.svg.clientWidth ? x * scale - 14 - peek.offsetWidth : x * scale + 14;
  peek.style.left = `${Math.min(Math.max(left, 0), room)}px`;
  peek.style.top = y > SIDE / 2 ? `${y * scale - 14 - peek.offsetHeight}px` : `${y * scale + 14}px`;
}

/** The video in the direction of an arrow key: near, and not far off to the side. */
function neighbour(map, [right, down]) {
  const from = map.points.find((point) => point.video === map.chosen);
  if (!from) return map.points[0]?.video ?? null;
  let best = from.video, least = Infinity;
  for (const { video, x, y } of map.points) {
    const along = (x - from.x) * right + (y - from.y) * down, aside = Math.abs((x - from.x) * down) + Math.abs((y - from.y) * right);
    if (along > 0 && along + 2 * aside < least) [best, least] = [video, along + 2 * aside];
  }
  return best;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
for (const map of maps) {
  const point = (event) => {
    const box = map.svg.getBoundingClientRect(), scale = SIDE / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    const distances = map.points.map((each) => Math.hypot(each.x - x, each.y - y));
    const place = nearest(distances, 0);
    select(map, distances[place] < REACH * Math.max(1, scale) ? map.points[place].video : null);
  };
  map.svg.addEventListener("pointermove", point);
  map.svg.addEventListener("pointerdown", point);
  map.svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") select(map, null); });
  map.svg.addEventListener("blur", () => select(map, null));
  map.svg.addEventListener("keydown", (event) => {
    if (event.key === "Escape") select(map, null);
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    select(map, neighbour(map, ARROWS[event.key]));
  });
}

// The legend: pressing a class leaves it in colour and fades the others.
function highlight(pressed) {
  for (const button of all(".legend button")) button.setAttribute("aria-pressed", String(button === pressed));
  for (const area of all(".maps")) area.classList.toggle("faded", pressed !== null);
  if (pressed === null) return;
  const label = pressed.closest("[data-label]").dataset.label;
  for (const dot of all(`.maps [data-label="${label}"] .dot`)) dot.classList.toggle("kept", dot.dataset.class === pressed.dataset.class);
}
for (const button of all(".legend button")) {
  button.addEventListener("click", () => highlight(button.getAttribute("aria-pressed") === "true" ? null : button));
}

// Commands: copied, or at least selected where the browser forbids copying.
for (const button of all(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.parentNode.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
