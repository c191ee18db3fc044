"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const figures = JSON.parse($("#figures").textContent);

  // Theme: the system's unless the reader chose.
  const stored = () => { try { return localStorage.getItem("vid-bench-theme"); } catch { return null; } };
  const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  if (stored()) document.documentElement.dataset.theme = stored();
  $("#theme").addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("vid-bench-theme", theme); } catch { /* a page from disk may have no storage */ }
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());

  // Plots, coloured by the page's own variables.
  const themed = (layout) => {
    const style = getComputedStyle(document.documentElement);
    const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
    const axis = (own) => ({ gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true, ...own });
    return {
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink, family: "inherit", size: 13 },
      margin: { l: 56, r: 24, t: 24, b: 56 }, legend: { orientation: "h", y: 1.12 }, hovermode: "closest",
      ...layout, xaxis: axis(layout.xaxis), yaxis: axis(layout.yaxis),
    };
  };
  const draw = (id, figure) => {
    const node = document.getElementById(id);
    if (node && figure) Plotly.react(node, figure.data, themed(figure.layout), { responsive: true, displayModeBar: false });
  };
  const drawScatter = () => {
    if (!$("#quality")) return;
    const choice = figures.trade_offs.find((f) => f.quality === $("#quality").value && f.cost === $("#cost").value);
    if (choice) draw("scatter", choice.figure);
  };
  const drawDifference = () => {
    if (!$("#difference-metric")) return;
    const choice = figures.differences.find((f) => f.metric === $("#difference-metric").value);
    if (!choice) return;
    $("#difference-plot").style.height = `${130 + 46 * choice.figure.data.length}px`;
    draw("difference-plot", choice.figure);
  };
  const drawAll = () => {
    drawScatter();
    drawDifference();
    draw("stage-plot", figures.stages);
    Object.entries(figures.plots ?? {}).forEach(([id, figure]) => draw(id, figure));
  };
  for (const id of ["#quality", "#cost"]) $(id)?.addEventListener("change", drawScatter);
  $("#difference-metric")?.addEventListener("change", drawDifference);
  drawAll();

  // Clips: those of one prompt share one clock, the longest clip's. Only what is in view holds a decoder,
  // because browsers allow a page a few dozen.
  let playing = false;
  let speed = 1;
  const videos = (card) => $$("video", card);
  const leader = (card) => videos(card).reduce((a, b) => ((b.duration || 0) > (a?.duration || 0) ? b : a), null);
  const attach = (card) => videos(card).forEach((v) => {
    if (v.src) return;
    v.src = v.dataset.src;
    v.playbackRate = v.defaultPlaybackRate = speed;
    v.addEventListener("ended", () => { if (v === leader(card) && card.dataset.playing) play(card, 0); });
    v.addEventListener("timeupdate", () => { if (v === leader(card) && v.duration) $(".seek", card).value = 1000 * v.currentTime / v.duration; });
  });
  const detach = (card) => videos(card).forEach((v) => { v.removeAttribute("src"); v.load(); });
  const label = (card) => { $(".play", card).textContent = card.dataset.playing ? "❚❚" : "▶"; };
  const play = (card, from) => {
    attach(card);
    card.dataset.playing = "1";
    videos(card).forEach((v) => { if (from !== undefined) v.currentTime = from; v.play().catch(() => {}); });
    label(card);
  };
  const pause = (card) => { delete card.dataset.playing; videos(card).forEach((v) => v.pause()); label(card); };
  const seek = (card, share) => {
    pause(card);
    const end = leader(card)?.duration || 0;
    videos(card).forEach((v) => { v.currentTime = Math.min(share * end, Math.max(0, (v.duration || 0) - 0.001)); });
  };
  const cards = $$(".card");
  const visible = new Set();
  const watcher = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    if (isIntersecting) { visible.add(target); attach(target); if (playing) play(target, 0); }
    else { visible.delete(target); pause(target); detach(target); }
  }), { rootMargin: "150px" });
  cards.forEach((card) => {
    watcher.observe(card);
    $(".play", card).addEventListener("click", () => (card.dataset.playing ? pause(card) : play(card)));
    $(".seek", card).addEventListener("input", (event) => { attach(card); seek(card, event.target.value / 1000); });
  });
  const playAll = (on) => {
    playing = on;
    $("#play-all").textContent = on ? "❚❚ Pause all" : "▶ Play all";
    $("#play-all").setAttribute("aria-pressed", String(on));
    visible.forEach((card) => (on ? play(card, 0) : pause(card)));
  };
  $("#play-all")?.addEventListener("click", () => playAll(!playing));
  $("#speed")?.addEventListener("change", (event) => {
    speed = Number(event.target.value);
    $$("video").forEach((v) => { v.playbackRate = v.defaultPlaybackRate = speed; });
  });
  $("#find")?.addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    cards.forEach((card) => { card.hidden = !words.every((word) => card.dataset.prompt.includes(word)); });
    $("#found").textContent = words.length ? `${cards.filter((card) => !card.hidden).length} of ${cards.length} prompts` : "";
  });
  if (cards.length && !matchMedia("(prefers-reduced-motion: reduce)").matches) playAll(true);

  // Tables that sort by a heading; cells without a value stay at the end.
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text === "" || text === "—" ? null : (cell.classList.contains("n") ? Number(text) : text);
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  $$(".sortable").forEach((table) => $$("thead button", table).forEach((button, column) => button.addEventListener("click", () => {
    const heading = button.closest("th");
    const down = heading.getAttribute("aria-sort") === "ascending";
    $$("th", table).forEach((th) => th.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : (down ? -1 : 1) * compare(a, b)));
    body.append(...rows.map(([, row]) => row));
  })));
})();
