// Selecting a ticket, in whichever picture, shows what it stands on and what stands on it; a chip leaves one state.
(() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const edges = all(".edge");
  let chosen = null;
  let state = null;

  const reach = (start, from, to) => {
    const seen = new Set([start]);
    const open = [start];
    while (open.length) {
      const name = open.pop();
      for (const edge of edges) {
        if (edge.dataset[from] === name && !seen.has(edge.dataset[to])) {
          seen.add(edge.dataset[to]);
          open.push(edge.dataset[to]);
        }
      }
    }
    return seen;
  };

  const show = () => {
    const below = chosen === null ? null : reach(chosen, "to", "from");
    const above = chosen === null ? null : reach(chosen, "from", "to");
    for (const edge of edges) {
      const { from, to } = edge.dataset;
      const on = chosen !== null && ((below.has(from) && below.has(to)) || (above.has(from) && above.has(to)));
      edge.classList.toggle("on", on);
      edge.classList.toggle("faded", chosen !== null && !on);
    }
    for (const item of all("[data-id]")) {
      const name = item.dataset.id;
      const related = chosen === null || below.has(name) || above.has(name);
      const fits = state === null || item.dataset.state === undefined || item.dataset.state === state;
      item.classList.toggle("on", name === chosen);
      item.classList.toggle("faded", !(related && fits));
    }
    for (const chip of all(".chip")) {
      chip.setAttribute("aria-pressed", String(chip.dataset.state === state));
    }
  };

  document.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    const item = event.target.closest("[data-id]");
    if (chip) {
      state = state === chip.dataset.state ? null : chip.dataset.state;
    } else {
      chosen = item && item.dataset.id !== chosen ? item.dataset.id : null;
    }
    show();
  });
  document.addEventListener("keydown", (event) => {
    const item = event.target.closest("[data-id]");
    if (event.key === "Escape") {
      chosen = null;
      state = null;
      show();
    } else if (item && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      chosen = item.dataset.id === chosen ? null : item.dataset.id;
      show();
    }
  });
})();
