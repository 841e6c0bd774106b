"use strict";
(() => {
  const form = document.getElementById("filters");
  const said = document.getElementById("shown");
  const rows = [...document.querySelectorAll(".rows > li")];
  const parts = [...document.querySelectorAll("ul.rows")];
  const sections = [...document.querySelectorAll("section")];
  const texts = new Map();
  const text = row => {
    if (!texts.has(row)) {
      // A word may be the service's name, which stands above the rows.
      const service = row.closest("section").querySelector("h2").textContent;
      texts.set(row, `${row.closest("section").id} ${service} ${row.textContent}`.toLowerCase());
    }
    return texts.get(row);
  };

  const filter = () => {
    const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = form.kind.value, repeat = form.repeat.value, verb = form.verb ? form.verb.value : "";
    let count = 0;
    for (const row of rows) {
      const fits = (!kind || row.dataset.kind === kind)
        && (!repeat || row.dataset.repeat === repeat)
        && (!verb || (row.dataset.verbs || "").split(" ").includes(verb))
        && words.every(word => text(row).includes(word));
      row.hidden = !fits;
      count += fits;
    }
    for (const part of parts) {
      const empty = !part.querySelector("li:not([hidden])");
      part.hidden = empty;
      part.previousElementSibling.hidden = empty;
    }
    for (const section of sections) section.hidden = !section.querySelector("li:not([hidden])");
    said.textContent = count === rows.length ? `all ${count} entries` : `${count} of ${rows.length} entries`;
  };

  const open = () => {
    const row = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!row) return;
    if (row.hidden || row.closest("[hidden]")) { form.reset(); filter(); }
    row.scrollIntoView({ block: "start" });
  };

  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  addEventListener("hashchange", open);
  form.hidden = false;
  filter();
  open();
})();
