// What is selected, remembered from page to page of this tab: items by name, and all that some conditions find.

const nameOf = (item) => item.split("~")[0];

export function startSelection() {
  const form = document.getElementById("picks");
  if (!form) return null;
  const store = `picks ${document.documentElement.dataset.collection}`;
  const output = form.querySelector("output"), clear = document.getElementById("clear");
  const kept = JSON.parse(sessionStorage.getItem(store) ?? "{}");
  const items = new Map((kept.items ?? []).map((item) => [nameOf(item), item])), without = new Set(kept.without ?? []);
  let found = kept.found ?? null, last = null, asked = 0;
  const listeners = [];
  const whole = document.querySelector("input[name=found]");
  const boxes = () => [...document.querySelectorAll("input[name=pick]")];
  const tiles = () => [...document.querySelectorAll(".tile input[name=pick]")];

  const here = () => found !== null && found === whole?.value;  // all on this page are meant
  const has = (name) => items.has(name) || (here() && !without.has(name));

  function set(name, item, on) {
    if (on) { without.delete(name); if (!here()) items.set(name, items.get(name) ?? item); }
    else { items.delete(name); if (here()) without.add(name); }
  }

  function changed() {
    sessionStorage.setItem(store, JSON.stringify({ items: [...items.values()], found, without: [...without] }));
    form.hidden = items.size === 0 && found === null;
    output.textContent = found === null ? `${items.size} selected` : "… selected";
    for (const box of boxes()) box.checked = has(nameOf(box.value));
    if (whole) whole.checked = here();
    for (const listener of listeners) listener();
    ask();
  }

  /** The server says how many are selected, and which of them have which label. */
  async function ask() {
    const number = ++asked;
    await new Promise((done) => setTimeout(done, 60));
    if (number !== asked || form.hidden) return;
    const answer = await fetch("/api/labels/chosen", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ items: [...items.keys()], found, without: [...without] }) });
    const said = await answer.json();
    if (number !== asked) return;
    if (!answer.ok) { output.textContent = said.detail; return; }
    output.textContent = `${said.items} selected`;
    form.querySelector(".known").replaceChildren(...said.labels.filter((_, place) => place < 30).map(({ label, videos }) => {
      const button = document.createElement("button");
      const state = videos === 0 ? "false" : videos === said.items ? "true" : "mixed";
      const what = { true: "all have it: take it away", mixed: `${videos} of ${said.items} have it: give it to all`, false: "none has it: give it to all" }[state];
      Object.assign(button, { name: "quick", value: state === "true" ? "" : label, textContent: label, title: what });
      button.setAttribute("aria-pressed", state);
      button.setAttribute("formaction", "/labels");
      return button;
    }));
  }

  document.addEventListener("click", (event) => {  // with Shift: all from the last one to here
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.matches(".tile input[name=pick]")) return;
    if (event.shiftKey) range(box, box.checked);
    last = box;
  });
  // Shift and a click on a picture or its name selects, too; without it the video is opened.
  document.addEventListener("click", (event) => {
    const link = event.shiftKey && event.target.closest?.(".tile .screen");
    if (!link) return;
    event.preventDefault();
    link.closest(".tile").querySelector("input[name=pick]").dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
  });

  function range(box, on) {
    const row = tiles(), places = [row.indexOf(last ?? box), row.indexOf(box)].sort((one, other) => one - other);
    for (const each of row.slice(Math.max(0, places[0]), places[1] + 1)) set(nameOf(each.value), each.value, on);
    changed();
  }

  document.addEventListener("change", (event) => {
    if (event.target === whole) {
      without.clear();
      found = whole.checked ? whole.value : null;
      if (found !== null) for (const box of boxes()) items.delete(nameOf(box.value));
      changed();
    } else if (event.target.matches?.("input[name=pick]")) {
      set(nameOf(event.target.value), event.target.value, event.target.checked);
      changed();
    }
  });

  clear.hidden = false;
  clear.addEventListener("click", () => { items.clear(); without.clear(); found = null; changed(); });

  const choose = {
    here() { for (const box of tiles()) set(nameOf(box.value), box.value, true); changed(); },
    all() { if (whole && !whole.checked) whole.click(); },
    invert() {
      if (here()) {  // what was taken out is all that is left
        const left = [...without];
        found = null;
        without.clear();
        for (const name of left) items.set(name, name);
      } else if (whole) {
        without.clear();
        for (const name of items.keys()) without.add(name);
        items.clear();
        found = whole.value;
      } else {
        for (const box of tiles()) set(nameOf(box.value), box.value, !has(nameOf(box.value)));
      }
      changed();
    },
    list() { document.getElementById("list").click(); },
  };
  for (const button of document.querySelectorAll("[data-choose]")) {
    button.hidden = false;
    button.addEventListener("click", () => choose[button.dataset.choose]());
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "a" || !(event.ctrlKey || event.metaKey) || event.altKey || !tiles().length) return;
    if (event.target.closest("input:not([type=checkbox], [type=radio]), textarea, dialog")) return;
    event.preventDefault();
    if (tiles().every((box) => box.checked)) choose.all();
    else choose.here();
  });

  document.getElementById("list")?.addEventListener("change", async ({ target }) => {
    const body = new FormData();
    body.set("file", target.files[0]);
    const answer = await fetch("/api/list", { method: "POST", body }), said = await answer.json();
    target.value = "";
    if (answer.ok) for (const name of said.items) set(name, name, true);
    changed();
    const told = document.getElementById("told-list");
    told.hidden = false;
    told.textContent = !answer.ok ? said.detail
      : `${said.items.length} of the list selected${said.unknown ? `; ${said.unknown} of its names are not of this collection` : ""}.`;
  });

  // One field holds them all: those of this page and of others.
  form.addEventListener("formdata", ({ formData }) => {
    formData.delete("pick");
    formData.delete("found");
    formData.set("picks", [...items.values()].join(" "));
    formData.set("without", [...without].join(" "));
    if (found !== null) formData.set("found", found);
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("formaction") === "/labels") sessionStorage.removeItem(store);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  changed();
  return {
    toggle(name) { set(name, name, !has(name)); changed(); },
    range: (box) => { range(box, !box.checked); last = box; },
    has,
    onChange(listener) { listeners.push(listener); },
  };
}
