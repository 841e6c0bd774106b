"use strict";
(() => {
  const form = document.getElementById("filters");
  const said = document.getElementById("shown");
  const calls = [...document.querySelectorAll(".call")];
  const runs = [...document.querySelectorAll(".run")];
  const texts = new Map(), kept = new Map();
  const text = call => {
    if (!texts.has(call)) texts.set(call, call.textContent.toLowerCase());
    return texts.get(call);
  };
  const orders = {
    time: () => 0,
    took: (a, b) => b.dataset.took - a.dataset.took,
    attempts: (a, b) => b.dataset.attempts - a.dataset.attempts,
  };
  const groups = { failed: ["failed", "exhausted", "refused", "error", "unfinished"] };

  const filter = () => {
    const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const end = form.end.value, operation = form.operation.value, code = form.code.value;
    const ends = groups[end.slice(1)] && end[0] === "*" ? groups[end.slice(1)] : [end];
    let count = 0;
    for (const call of calls) {
      const fits = (!end || ends.includes(call.dataset.end))
        && (!operation || call.dataset.operation === operation)
        && (!code || call.dataset.codes.split("\n").includes(code))
        && words.every(word => text(call).includes(word));
      call.hidden = !fits;
      count += fits;
    }
    for (const run of runs) run.hidden = !run.querySelector(".call:not([hidden])");
    said.textContent = count === calls.length ? `all ${count} calls` : `${count} of ${calls.length} calls`;
  };

  const order = () => {
    for (const run of runs) {
      const list = run.querySelector(".calls");
      const its = calls.filter(call => list.contains(call));
      list.append(...its.sort(orders[form.order.value]));
    }
  };

  // Each call has been drawn a second time, on its own; shrunk to its share of the longest, all begin together.
  const bars = () => {
    const alone = form.bars.value === "length";
    const longest = Math.max(...calls.map(call => call.dataset.took), 0.001);
    document.body.classList.toggle("alone", alone);
    for (const call of calls) {
      const lane = call.querySelector("summary > .lane");
      if (!kept.has(call)) kept.set(call, lane);
      const other = alone ? call.querySelector(".course > .lane").cloneNode(true) : kept.get(call);
      if (alone) other.style.width = `max(${100 * call.dataset.took / longest}%, 3px)`;
      lane.replaceWith(other);
    }
  };

  const open = () => {
    const course = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const call = course && course.closest(".call");
    if (!call) return;
    if (call.hidden) { form.reset(); filter(); order(); bars(); }
    // Only some browsers open what a link leads into.
    call.open = true;
    call.scrollIntoView({ block: "center" });
  };

  form.addEventListener("input", filter);
  form.order.addEventListener("change", order);
  form.bars.addEventListener("change", bars);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); order(); bars(); }));
  addEventListener("hashchange", open);
  let opened = [];
  addEventListener("beforeprint", () => {
    const bad = calls.filter(call => !call.open && !call.hidden && groups.failed.includes(call.dataset.end));
    opened = bad.slice(0, 50);
    for (const call of opened) call.open = true;
  });
  addEventListener("afterprint", () => { for (const call of opened) call.open = false; });
  form.hidden = false;
  filter();
  open();
})();
