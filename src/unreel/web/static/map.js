// The map: move, zoom, point at videos, draw a lasso round them; by pointer, touch or keys.

const MARGIN = 24, REACH = 16, COLOURS = 8, MOST_CORNERS = 60, MOST_ZOOM = 60;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export async function startMap(atlas, selection) {
  const waiting = atlas.querySelector(".waiting");
  let data;
  try {
    const answer = await fetch(atlas.dataset.points);
    data = await answer.json();
    if (!answer.ok) throw new Error(data.detail);
  } catch (error) {
    waiting.textContent = `There is no map: ${error.message}`;
    return;
  }
  waiting.hidden = true;
  atlas.querySelector("#method").textContent = `${data.keys.length} videos · ${data.method}`;
  new Sky(atlas, data, selection);
}

class Sky {
  constructor(atlas, data, selection) {
    Object.assign(this, { atlas, selection, view: { zoom: 1, x: 0, y: 0 }, at: null, label: null, lasso: null });
    this.canvas = atlas.querySelector("canvas");
    this.paper = this.canvas.getContext("2d");
    [this.sky, this.peek, this.told] = [".sky", ".peek", "#told"].map((selector) => atlas.querySelector(selector));
    this.shapes = JSON.parse(atlas.dataset.shapes);
    this.paths = this.shapes.map((shape) => new Path2D(shape));
    const labels = [...new Set(data.labels)].filter(Boolean).sort();
    this.points = data.keys.map((key, place) => ({
      key, id: data.ids[place], found: data.found[place], label: data.labels[place], mark: labels.indexOf(data.labels[place]),
      x: data.places[place][0], y: data.places[place][1],
    }));
    this.legend(labels);
    this.listen();
    this.draw();
  }

  // What is seen --------------------------------------------------------------------------------------------------

  colourOf(mark) { return mark < 0 ? COLOURS : mark % COLOURS; }
  shapeOf(mark) { return mark < 0 ? 0 : (mark + Math.floor(mark / COLOURS)) % this.shapes.length; }

  place({ x, y }) {
    const { zoom, x: left, y: top } = this.view, side = this.side - 2 * MARGIN;
    return [MARGIN + (x - left) * zoom * side, MARGIN + (y - top) * zoom * side];
  }

  draw() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      const { canvas, paper } = this, ratio = devicePixelRatio, style = getComputedStyle(document.documentElement);
      const colours = Array.from({ length: COLOURS + 1 }, (_, colour) => style.getPropertyValue(`--c${colour}`));
      const [ink, card, accent] = ["--ink", "--card", "--accent"].map((name) => style.getPropertyValue(name));
      canvas.width = canvas.height = Math.round(this.side * ratio);
      const size = ratio * (this.points.length > 5000 ? 0.4 : this.points.length > 500 ? 0.65 : 1) * Math.min(1.8, Math.sqrt(this.view.zoom));
      const inFront = (point) => (point.found ? 1 : 0) + (this.selection.has(point.key) ? 2 : 0) + (point === this.at ? 4 : 0);
      for (const point of [...this.points].sort((one, other) => inFront(one) - inFront(other))) {
        const [x, y] = this.place(point);
        if (x < -9 || y < -9 || x > this.side + 9 || y > this.side + 9) continue;
        const path = this.paths[this.shapeOf(point.mark)], chosen = this.selection.has(point.key);
        paper.setTransform(size, 0, 0, size, x * ratio, y * ratio);
        const seen = point.found && (this.label === null || this.label === point.label);
        paper.globalAlpha = seen || point === this.at ? 1 : 0.12;
        if (chosen || point === this.at) {
          paper.lineWidth = point === this.at ? 5 : 4;
          paper.strokeStyle = point === this.at ? ink : accent;
        } else {
          paper.lineWidth = 1.2;
          paper.strokeStyle = card;
        }
        paper.stroke(path);
        paper.fillStyle = colours[this.colourOf(point.mark)];
        paper.fill(path);
      }
      this.drawLasso(ratio, accent);
    });
  }

  drawLasso(ratio, accent) {
    if (!this.lasso) return;
    const { paper } = this;
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.globalAlpha = 1;
    paper.beginPath();
    for (const [x, y] of this.lasso) paper.lineTo(x, y);
    paper.closePath();
    paper.strokeStyle = paper.fillStyle = accent;
    paper.lineWidth = 2;
    paper.stroke();
    paper.globalAlpha = 0.12;
    paper.fill();
  }

  get side() { return this.canvas.clientWidth; }

  legend(labels) {
    const list = this.atlas.querySelector(".legend"), counts = new Map();
    for (const { label } of this.points) counts.set(label, (counts.get(label) ?? 0) + 1);
    for (const label of [...labels, ...(counts.has("") ? [""] : [])]) {
      const mark = labels.indexOf(label), button = made("button", { type: "button", ariaPressed: "false" });
      const sign = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      sign.setAttribute("viewBox", "-6 -6 12 12");
      path.setAttribute("d", this.shapes[this.shapeOf(mark)]);
      path.setAttribute("class", `colour-${this.colourOf(mark)}`);
      sign.append(path);
      button.append(sign, label || "no label", " ", made("small", { textContent: counts.get(label) }));
      button.addEventListener("click", () => {
        this.label = this.label === label ? null : label;
        for (const other of list.querySelectorAll("button")) other.ariaPressed = String(other === button && this.label !== null);
        this.draw();
      });
      const line = made("li");
      line.append(button);
      list.append(line);
    }
  }

  /** Shows the video at a point, moving. */
  point(point) {
    if (this.at === point) return;
    this.at = point;
    this.draw();
    this.peek.hidden = point === null;
    if (point === null) return;
    this.peek.querySelector("img").src = `/api/videos/${point.key}/strip`;
    const text = this.peek.querySelector("p");
    text.replaceChildren(made("b", { textContent: point.label || "no label" }), point.id);
    this.told.textContent = `${point.id}, ${point.label || "no label"}${this.selection.has(point.key) ? ", selected" : ""}`;
    const [x, y] = this.place(point), { offsetWidth: width, offsetHeight: height } = this.peek;
    const left = x + 16 + width > this.side ? x - 16 - width : x + 16;
    this.peek.style.left = `${Math.max(0, Math.min(left, this.side - width))}px`;
    this.peek.style.top = `${Math.max(0, Math.min(y > this.side / 2 ? y - height - 12 : y + 12, this.side - height))}px`;
  }

  // What is done --------------------------------------------------------------------------------------------------

  listen() {
    const { canvas } = this;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.selection.onChange(() => this.draw());
    for (const button of this.atlas.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.use(button.dataset.tool));
    }
    for (const button of this.atlas.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(Number(button.dataset.zoom), this.side / 2, this.side / 2));
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.point(null));
    this.pointers = new Map();
    for (const [name, handle] of [["down", this.down], ["move", this.moved], ["up", this.up], ["cancel", this.up]]) {
      canvas.addEventListener(`pointer${name}`, handle.bind(this));
    }
    canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !this.pointers.size) this.point(null); });
  }

  use(tool) {
    this.tool = tool;
    for (const button of this.atlas.querySelectorAll("[data-tool]")) button.ariaPressed = String(button.dataset.tool === tool);
    this.sky.classList.toggle("lasso", tool === "lasso");
  }

  zoom(factor, x, y) {
    const { view } = this, side = this.side - 2 * MARGIN, before = view.zoom;
    if (factor === 0) Object.assign(view, { zoom: 1, x: 0, y: 0 });
    else {
      view.zoom = Math.min(MOST_ZOOM, Math.max(1, before * factor));
      view.x += (x - MARGIN) / side * (1 / before - 1 / view.zoom);
      view.y += (y - MARGIN) / side * (1 / before - 1 / view.zoom);
    }
    this.settle();
  }

  /** Keeps the map in sight. */
  settle() {
    const { view } = this, room = 1 - 1 / view.zoom;
    view.x = Math.min(Math.max(view.x, 0), room);
    view.y = Math.min(Math.max(view.y, 0), room);
    this.point(null);
    this.draw();
  }

  near(x, y) {
    let best = null, least = REACH;
    for (const point of this.points) {
      const [toX, toY] = this.place(point), distance = Math.hypot(toX - x, toY - y);
      if (distance < least) [best, least] = [point, distance];
    }
    return best;
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.dragged = this.pointers.size > 1;
    if (this.tool === "lasso" && this.pointers.size === 1) this.lasso = [[event.offsetX, event.offsetY]];
    else this.lasso = null;
  }

  moved(event) {
    const [x, y] = [event.offsetX, event.offsetY], before = this.pointers.get(event.pointerId);
    if (!before) {
      this.point(this.near(x, y));
      return;
    }
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length) {
      const [, [otherX, otherY]] = others[0];
      const factor = Math.hypot(x - otherX, y - otherY) / Math.max(1, Math.hypot(before[0] - otherX, before[1] - otherY));
      this.zoom(factor, (x + otherX) / 2, (y + otherY) / 2);
    } else if (this.lasso) {
      this.lasso.push([x, y]);
      this.draw();
    } else if (this.dragged || Math.hypot(x - before[0], y - before[1]) > 4) {
      const side = (this.side - 2 * MARGIN) * this.view.zoom;
      this.dragged = true;
      this.view.x -= (x - before[0]) / side;
      this.view.y -= (y - before[1]) / side;
      this.settle();
    } else return;
    this.pointers.set(event.pointerId, [x, y]);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.lasso) this.choose();
    else if (!this.dragged && event.type === "pointerup") {
      const point = this.near(event.offsetX, event.offsetY);
      if (point && (event.pointerType === "mouse" || point === this.at)) this.open(point);  // a tap shows it, another opens it
      else this.point(point);
    }
  }

  /** Shows what lies within the lasso: it becomes a condition of the page. */
  choose() {
    const step = Math.max(1, Math.ceil(this.lasso.length / MOST_CORNERS));
    const side = (this.side - 2 * MARGIN) * this.view.zoom, { x: left, y: top } = this.view;
    const thousandth = (pixels, start) => Math.min(1000, Math.max(0, Math.round(1000 * ((pixels - MARGIN) / side + start))));
    const corners = this.lasso.filter((_, place) => place % step === 0).map(([x, y]) => `${thousandth(x, left)},${thousandth(y, top)}`);
    this.lasso = null;
    this.draw();
    if (corners.length < 3) return;
    const address = new URL(location.href);
    address.searchParams.set("lasso", [this.atlas.dataset.encoder, ...corners].join(" "));
    address.searchParams.delete("offset");
    location.href = address;
  }

  open(point) { location.href = `/video/${point.key}`; }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const half = this.side / 2;
    if (event.key in ARROWS) this.point(this.towards(ARROWS[event.key]) ?? this.at);
    else if (event.key === "Enter" && this.at) this.open(this.at);
    else if (event.key === "x" && this.at) { this.selection.toggle(this.at.key); }
    else if (event.key === "+") this.zoom(1.5, half, half);
    else if (event.key === "-") this.zoom(1 / 1.5, half, half);
    else if (event.key === "0") this.zoom(0, half, half);
    else if (event.key === "Escape") { this.lasso = null; this.point(null); this.draw(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The video in a direction: near, and not far off to the side. */
  towards([right, down]) {
    if (!this.at) return this.points[0] ?? null;
    let best = null, least = Infinity;
    for (const point of this.points) {
      const toX = point.x - this.at.x, toY = point.y - this.at.y;
      const along = toX * right + toY * down, aside = Math.abs(toX * down) + Math.abs(toY * right);
      if (along > 0 && along + 2 * aside < least) [best, least] = [point, along + 2 * aside];
    }
    return best;
  }
}

function made(name, properties = {}) { return Object.assign(document.createElement(name), properties); }
