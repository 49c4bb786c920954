// What is selected, remembered from page to page of this tab.

const nameOf = (item) => item.split("~")[0];

export function startSelection() {
  const form = document.getElementById("picks");
  if (!form) return null;
  const store = `picks ${document.documentElement.dataset.collection}`;
  const output = form.querySelector("output"), clear = document.getElementById("clear");
  const items = new Map(JSON.parse(sessionStorage.getItem(store) ?? "[]").map((item) => [nameOf(item), item]));
  const boxes = () => [...document.querySelectorAll("input[name=pick]")];

  function changed() {
    sessionStorage.setItem(store, JSON.stringify([...items.values()]));
    form.hidden = items.size === 0;
    output.textContent = `${items.size} selected`;
    for (const box of boxes()) box.checked = items.has(nameOf(box.value));
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[name=pick]")) return;
    const item = event.target.value;
    if (event.target.checked) items.set(nameOf(item), item);
    else items.delete(nameOf(item));
    changed();
  });

  clear.hidden = false;
  clear.addEventListener("click", () => { items.clear(); changed(); });

  // One field holds them all: those of this page and of others.
  form.addEventListener("formdata", (event) => {
    event.formData.delete("pick");
    event.formData.set("picks", [...items.values()].join(" "));
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.getAttribute("formaction") === "/labels") sessionStorage.removeItem(store);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  changed();
  return {
    add(names) { for (const name of names) items.set(name, items.get(name) ?? name); changed(); },
    toggle(name) { if (!items.delete(name)) items.set(name, name); changed(); },
    has: (name) => items.has(name),
    refresh: changed,
    onChange(listener) { document.addEventListener("change", listener); clear.addEventListener("click", listener); },
  };
}
