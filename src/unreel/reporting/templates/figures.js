
// Several matrices in one place: one is shown.
for (const input of all(".tabs input")) {
  input.addEventListener("change", () => {
    for (const tab of input.closest(".tabbed").querySelectorAll(":scope > [data-tab]")) tab.hidden = tab.dataset.tab !== input.value;
  });
}

// Matrices: drawn larger or smaller.
for (const label of all(".zoom")) {
  const input = label.querySelector("input"), matrix = label.parentNode.querySelector(".matrix");
  label.hidden = false;
  input.addEventListener("input", () => matrix.style.setProperty("--zoom", String(2 ** input.value)));
}

// Classes: sorted by the column whose head is pressed, the highest first; once more, the lowest first.
for (const table of all(".sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    return column === 0 ? cell.textContent : Number(cell.dataset.value ?? cell.textContent.replaceAll(",", ""));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const first = column === 0 ? "ascending" : "descending", second = column === 0 ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const compare = (one, other) => column === 0 ? one.localeCompare(other) : one - other;
      body.append(...[...body.rows].sort((a, b) => sign * compare(value(a, column), value(b, column))));
    });
  });
}
