// Draw each figure, as wide as it may be: made bigger up to `most` times, smaller only if it is too high.
function draw(width, height, most) {
  for (const figure of document.querySelectorAll(".figure")) {
    const {data, layout} = JSON.parse(figure.querySelector("script").textContent);
    const zoom = Math.min(most, height / layout.height);
    const div = figure.appendChild(document.createElement("div"));
    div.style.zoom = zoom;
    const drawn = {...layout, width: Math.floor(width / zoom), autosize: false};
    Plotly.newPlot(div, data, drawn, {displayModeBar: false});
  }
}
