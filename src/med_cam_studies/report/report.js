
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const body = $("rows").tBodies[0];
  const items = [...body.rows].map((row) => {
    const card = $(row.dataset.card);
    return { row, card, text: card.textContent.toLowerCase(), area: Number(row.dataset.area) };
  });
  let shown = items;

  // filter

  const form = $("filter");

  function fits(item, chosen) {
    const same = (key) => !chosen.get(key) || chosen.get(key) === item.row.dataset[key];
    const words = chosen.get("text").toLowerCase().split(/\s+/);
    return ["label", "verified", "right"].every(same) && words.every((w) => item.text.includes(w));
  }

  function percent(share) {
    if (share >= 0.9995 && share < 1) return ">99.9%";
    if (share === 1) return "100%";
    return share > 0 && share < 0.0005 ? "<0.1%" : `${(100 * share).toFixed(1)}%`;
  }

  function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  function summary() {
    const passed = shown.filter((item) => item.row.dataset.verified === "1").length;
    const parts = [`${shown.length} of ${items.length} images`];
    if (shown.length) {
      parts.push(`${passed} of ${shown.length} passed the sufficiency test`);
      parts.push(`median area ${percent(median(shown.map((item) => item.area)))}`);
    }
    return parts.join(", ");
  }

  function filter() {
    const chosen = new FormData(form);
    shown = items.filter((item) => fits(item, chosen));
    for (const item of items) item.row.hidden = item.card.hidden = !shown.includes(item);
    $("summary").textContent = summary();
    $("none").hidden = shown.length > 0;
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); outlines(true); }));

  // sort

  const heads = [...$("rows").tHead.rows[0].cells];

  function key(item, column) {
    const cell = item.row.cells[column];
    const text = cell.dataset.key ?? cell.textContent;
    if (cell.classList.contains("word") || column === 0) return text;
    return text === "" ? NaN : Number(text);
  }

  function compared(a, b) {
    if (typeof a === "string") return a.localeCompare(b, "en", { numeric: true });
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return a - b;
  }

  function sort(column) {
    const up = heads[column].getAttribute("aria-sort") !== "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    items.sort((a, b) => (up ? 1 : -1) * compared(key(a, column), key(b, column)));
    for (const item of items) {
      body.append(item.row);
      $("cards").append(item.card);
    }
    filter();
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
  });

  // enlarge

  const large = $("large");
  let current = null;

  function enlarge(item) {
    current = item;
    const card = item.card.cloneNode(true);
    card.removeAttribute("id");
    card.querySelector(".shapes").remove();
    const pictures = card.querySelectorAll("img");
    const wide = pictures[0].width > 1.2 * pictures[0].height;
    card.classList.toggle("many", pictures.length > (wide ? 2 : 3));
    const verdict = card.querySelector(".verdict").textContent;
    $("large-name").textContent = `${card.querySelector("h3").textContent}  ${verdict}`;
    $("large-place").textContent = `${shown.indexOf(item) + 1} of ${shown.length}`;
    $("large-card").replaceChildren(card);
    if (!large.open) large.showModal();
    large.scrollTop = 0;
  }

  function step(by) {
    enlarge(shown[(shown.indexOf(current) + by + shown.length) % shown.length]);
  }

  for (const item of items) {
    const button = item.card.querySelector(".enlarge");
    button.hidden = false;
    button.addEventListener("click", () => enlarge(item));
    item.card.querySelector(".panes").addEventListener("click", () => enlarge(item));
  }
  for (const button of large.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => step(Number(button.dataset.step)));
  }
  large.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      event.preventDefault();
      step(by);
    }
  });
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
  large.addEventListener("close", () => current.card.querySelector(".enlarge").focus());
  $("close").addEventListener("click", () => large.close());

  // outlines

  const ticks = [...document.querySelectorAll('[name="outlines"]')];

  function outlines(on) {
    document.body.classList.toggle("no-outlines", !on);
    for (const tick of ticks) tick.checked = on;
  }

  for (const tick of ticks) tick.addEventListener("change", () => outlines(tick.checked));

  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });

  document.body.classList.add("js");
  form.hidden = false;
  filter();
})();
