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
document.querySelectorAll(".timeline").forEach(each => near.observe(each));
