// Draws a LiveTimeline (live.py): the `figure` that its store holds, as wide as its cell.

const page = (globalThis.taskCardsPlotly ??= new Map()); // a version of plotly -> its promise

// Each view asks its own kernel, as another's may be busy or gone; the page keeps what comes first.
function load(model, version) {
  return new Promise(resolve => {
    if (page.has(version)) return resolve(page.get(version));
    model.on("msg:custom", (_, [program]) => {
      if (!page.has(version)) {
        const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
        const loaded = import(url).finally(() => URL.revokeObjectURL(url));
        page.set(version, loaded.then(() => globalThis.Plotly));
      }
      resolve(page.get(version));
    });
    model.send("plotly");
  });
}

async function render({ model, el }) {
  const store = await model.widget_manager.get_model(model.get("_store"));
  const plot = el.appendChild(document.createElement("div"));
  plot.style.height = `${store.get("figure").layout.height}px`; // so that nothing below it moves
  plot.textContent = "The picture is being loaded. If it does not come, run this cell again.";
  let loading, plotly, drawn;

  function draw() {
    if (!plot.clientWidth) return; // plotly cannot measure what is hidden
    loading ??= load(store, model.get("_version")).then(loaded => {
      plotly = loaded;
      plot.textContent = "";
      draw();
    });
    const figure = store.get("figure");
    if (plotly && figure !== drawn) {
      const { data, layout, config } = structuredClone(figure); // plotly writes into it
      plotly.react(plot, data, layout, config);
      drawn = figure;
    } else if (plotly) {
      plotly.Plots.resize(plot);
    }
  }

  const observer = new ResizeObserver(draw);
  observer.observe(plot);
  store.on("change:figure", draw);
  return () => {
    observer.disconnect();
    store.off("change:figure", draw);
    plotly?.purge(plot);
  };
}

export default { render };
