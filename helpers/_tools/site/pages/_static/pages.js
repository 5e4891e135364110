// Draw a figure when it comes near the screen, as wide as its page.
const near = new IntersectionObserver(entries => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    const {data, layout} = JSON.parse(target.querySelector("script").textContent);
    const div = target.appendChild(document.createElement("div"));
    const fit = () => ({width: Math.max(target.clientWidth, 300)});
    Plotly.newPlot(div, data, {...layout, ...fit(), autosize: false}, {displayModeBar: false});
    new ResizeObserver(() => Plotly.relayout(div, fit())).observe(target);
  }
}, {rootMargin: "400px"});
addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".timeline").forEach(each => near.observe(each));
  const lesson = location.pathname.match(/(\d\d_\w+)\.html$/);
  if (!lesson) return;
  const link = document.createElement("a");
  link.className = "live";
  link.href = `../lab/index.html?path=${lesson[1]}.ipynb`;
  link.textContent = "Run this lesson here, in the browser";
  document.querySelector("article h1").after(link);
});
