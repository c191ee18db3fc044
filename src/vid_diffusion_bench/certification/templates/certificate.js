"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const figures = JSON.parse($("#figures").textContent);
  const root = document.documentElement;

  // Theme: the system's unless the reader chose.
  const stored = () => { try { return localStorage.getItem("vid-bench-theme"); } catch { return null; } };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  if (stored()) root.dataset.theme = stored();
  $("#theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("vid-bench-theme", root.dataset.theme); } catch { /* a page from disk may have no storage */ }
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());

  const draw = () => {
    const figure = $("#metric") && figures[$("#metric").value];
    if (!figure) return;
    const style = getComputedStyle(root);
    const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
    const axis = (own) => ({ gridcolor: line, zerolinecolor: ink, linecolor: line, automargin: true, ...own });
    const layout = {
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink, family: "inherit", size: 13 },
      margin: { l: 56, r: 16, t: 16, b: 40 }, legend: { orientation: "h", y: -0.15 }, hovermode: "closest",
      ...figure.layout, xaxis: axis(figure.layout.xaxis), yaxis: axis(figure.layout.yaxis),
    };
    Plotly.react("curves-plot", figure.data, layout, { responsive: true, displayModeBar: false });
  };
  $("#metric")?.addEventListener("change", draw);
  draw();
})();
