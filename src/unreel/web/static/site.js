// The pages are complete without this script, which adds: pausing, keys, selecting across pages, the time line, the map.
import { startMap } from "./map.js";
import { startSelection } from "./selection.js";
import { startTimeline } from "./timeline.js";

const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Moving thumbnails: one button for all of them.
const motion = document.getElementById("motion");
function move(playing) {
  root.dataset.motion = playing ? "playing" : "paused";
  motion.setAttribute("aria-pressed", String(!playing));
  motion.querySelector("span").textContent = playing ? "Pause clips" : "Play clips";
  sessionStorage.setItem("motion", root.dataset.motion);
}
motion.hidden = false;
motion.addEventListener("click", () => move(root.dataset.motion === "paused"));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
move((sessionStorage.getItem("motion") ?? (still ? "paused" : "playing")) === "playing");

// What is chosen in a filter counts at once; what is typed, with Enter.
// Who chose it finds himself there again.
const named = (field) => `${field.name} ${field.matches("select") ? "" : field.value}`;
for (const field of all("[data-go]")) {
  if (named(field) === sessionStorage.getItem("chosen")) field.focus();
  field.addEventListener("change", () => {
    sessionStorage.setItem("chosen", named(field));
    field.form.requestSubmit();
  });
}
sessionStorage.removeItem("chosen");
for (const form of all("form:not([method=post])")) {
  form.addEventListener("formdata", (event) => {  // short addresses
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

// Help: the same page, in front of this one.
const help = document.getElementById("help");
function showHelp(event) {
  event?.preventDefault();
  help.showModal();
}
document.getElementById("help-link").addEventListener("click", showHelp);
help.addEventListener("click", (event) => { if (event.target === help) help.close(); });

// Keys: from tile to tile, select, filter.
const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), select, textarea, video");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The tile in the direction of an arrow key: the nearest, and not far off to the side. */
function neighbour(links, from, [right, down]) {
  const centre = (link) => { const box = link.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; };
  const [x, y] = centre(from);
  let best = null, least = Infinity;
  for (const link of links) {
    const [toX, toY] = centre(link);
    const along = (toX - x) * right + (toY - y) * down, aside = Math.abs((toX - x) * down) + Math.abs((toY - y) * right);
    if (along > 1 && along + 3 * aside < least) [best, least] = [link, along + 3 * aside];
  }
  if (best === null && right) best = links[links.indexOf(from) + right] ?? null;  // on to the next line
  return best;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const key = event.key;
  if (typing(event.target)) {
    if (key === "Escape" && event.target.matches("input")) event.target.blur();
    return;
  }
  if (key in ARROWS) {
    const links = all(".tile .screen"), from = document.activeElement.closest(".tile")?.querySelector(".screen");
    const to = from ? neighbour(links, from, ARROWS[key]) : links[0];
    if (!to || (!from && (key === "ArrowUp" || key === "ArrowDown"))) return;  // scrolling stays scrolling
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: "nearest" });
  } else if (key === "x" || key === "X") {
    const box = document.activeElement.closest(".tile")?.querySelector(".pick input");
    if (key === "X" && box) selection.range(box);
    else box?.click();
  } else if (key === "j" || key === "k") {
    document.querySelector(`.pass [rel=${key === "j" ? "next" : "prev"}]`)?.click();
  } else if (/^[0-9a]$/.test(key)) {
    document.querySelector(`.labels [data-key="${key}"]`)?.click();
  } else if (key === "/" || key === "l") {
    const field = key === "/" ? document.getElementById("filter") : document.querySelector(".tray:not([hidden]) .labelling input, .labels input[name=label]");
    if (!field || field.closest("[hidden]")) return;
    event.preventDefault();
    field.closest("details")?.setAttribute("open", "");
    field.focus();
    field.select();
  } else if (key === "p") {
    motion.click();
  } else if (key === "?") {
    showHelp();
  }
});

// A file dropped on the upload form is sent.
for (const form of all(".drop")) {
  const over = (on) => (event) => { event.preventDefault(); form.classList.toggle("over", on); };
  form.addEventListener("dragover", over(true));
  form.addEventListener("dragleave", over(false));
  form.addEventListener("drop", (event) => {
    over(false)(event);
    form.querySelector("input[type=file]").files = event.dataTransfer.files;
    form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    form.querySelector("[role=status]").textContent = "Sending and looking at it…";
    form.querySelector("button").disabled = true;
  });
}

if (matchMedia("(max-width: 56rem)").matches) document.querySelector("details.facets")?.removeAttribute("open");

// An act is told once; the address stays what it was.
if (/[?&](un)?done=/.test(location.search)) {
  const address = new URL(location.href);
  for (const name of ["done", "undone"]) address.searchParams.delete(name);
  history.replaceState(null, "", address);
}

// What only the player knows of a video.
const player = document.querySelector(".query video"), picture = document.getElementById("picture");
function tell() {
  picture.textContent = `${player.videoWidth} × ${player.videoHeight}`;
  picture.parentNode.hidden = false;
}
if (player && picture) player.readyState ? tell() : player.addEventListener("loadedmetadata", tell);

const selection = startSelection();
for (const timeline of all(".timeline")) startTimeline(timeline, root);
const atlas = document.getElementById("atlas");
if (atlas) startMap(atlas, selection);
