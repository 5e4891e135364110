"""One notebook in a real JupyterLab: run it, read its outputs, drag, click, take pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.server import LabServer

# Reads from the notebook's own model, not from the DOM: what the kernel sent, whatever is drawn.
_CELLS = """() => jupyterapp.shell.currentWidget.content.widgets.map(cell => {
    const json = cell.model.sharedModel.toJSON();
    json.outputs = cell.model.outputs ? cell.model.outputs.toJSON() : [];
    return json;
})"""
_READY = """() => {
    const session = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.status === 'idle';
}"""

_SETTLE = """seconds => new Promise(done => {
    const settled = () => { observer.disconnect(); done(); };
    const observer = new MutationObserver(() => {
        clearTimeout(quiet);
        quiet = setTimeout(settled, seconds * 1000);
    });
    let quiet = setTimeout(settled, seconds * 1000);
    setTimeout(settled, 10_000);
    observer.observe(jupyterapp.shell.currentWidget.node,
        {subtree: true, childList: true, attributes: true, characterData: true});
})"""


def write_notebook(path: Path, *sources: str) -> Path:
    """Write a notebook of code cells, and texts that begin with `#:`; none is run. Its path."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook.cells = [
        nbformat.v4.new_markdown_cell(source.removeprefix("#:"))
        if source.startswith("#:")
        else nbformat.v4.new_code_cell(source)
        for source in sources
    ]
    nbformat.write(notebook, path)
    return path


# No fault of the course: what anywidget says where a page was busy for two seconds (the picture
# comes all the same), and the browser edition's kernel, which only JupyterLite can load.
OF_OTHERS = ("[anywidget] Failed to initialize model.", "@jupyterlite/")


class NotebookPage:
    """A notebook that is open in a browser page. `problems` collects what the page's console said.

    Times are seconds. Waiting that takes too long is a TimeoutError which names what was awaited.
    """

    def __init__(self, page: Page, server: LabServer) -> None:
        self.page = page
        self.server = server
        self.problems: list[str] = []
        page.on("pageerror", self._keep_error)
        page.on("console", self._keep_message)

    def _keep_error(self, error: Any) -> None:
        self._keep(str(error))

    def _keep_message(self, message: Any) -> None:
        if message.type == "error":
            self._keep(message.text)

    def _keep(self, text: str) -> None:
        if not any(of_others in text for of_others in OF_OTHERS):
            self.problems.append(text)

    def open(self, notebook: str, *, mode: str = "doc", dark: bool = False) -> None:
        """Open a notebook of the server's root and wait for its kernel.

        `mode` is "doc" (the notebook alone) or "lab" (with side bars). Where JupyterLab is open in
        this page already, the notebook is opened in it, and not JupyterLab anew.
        """
        if self.page.url.startswith(self.server.url):
            self.command("docmanager:open", {"path": notebook, "factory": "Notebook"})
        else:
            address = f"{self.server.url}/{mode}/tree/{quote(notebook)}?token={self.server.token}"
            self.page.goto(address, timeout=120_000)
        self.ready()
        self.theme("JupyterLab Dark" if dark else "JupyterLab Light")

    def ready(self) -> None:
        """Wait until the notebook's kernel is idle."""
        self.page.wait_for_function(_READY, timeout=120_000)

    def close(self) -> None:
        """Close the notebook, unsaved, and leave JupyterLab open for another one."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.dispose()")
        self.send_messages("perCommTarget")
        self.page.remove_listener("pageerror", self._keep_error)
        self.page.remove_listener("console", self._keep_message)

    def send_messages(self, where: str) -> None:
        """Choose how widget messages are sent, as JupyterLab's setting `commsOverSubshells` does.

        "perCommTarget", its default: on a subshell; "disabled": on the kernel's main thread.
        """
        choose = "where => { jupyterapp.serviceManager.kernels.commsOverSubshells = where }"
        self.page.evaluate(choose, where)

    def theme(self, name: str) -> None:
        """Switch JupyterLab's theme, which it keeps: "JupyterLab Light" or "JupyterLab Dark"."""
        if self.page.get_attribute("body", "data-jp-theme-name") == name:
            return
        self.command("apputils:change-theme", {"theme": name})
        light = "false" if "Dark" in name else "true"
        selector = f"body[data-jp-theme-light={light}]"
        self.page.wait_for_selector(selector, state="attached", timeout=20_000)

    def command(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Run one of JupyterLab's commands and wait until it is done."""
        # What a command gives back may be a widget, which cannot be sent here.
        script = "async ([name, given]) => { await jupyterapp.commands.execute(name, given) }"
        self.page.evaluate(script, [name, arguments or {}])

    def run_all(self, *, seconds: float = 120) -> None:
        """Run every cell, and return when each has finished and its widgets are drawn."""
        self.page.evaluate(
            """() => { window.taskCardsDone = false; jupyterapp.commands
                .execute('notebook:run-all-cells').then(() => { window.taskCardsDone = true; }) }"""
        )
        self.until(
            lambda: self.page.evaluate("() => window.taskCardsDone"), "the last cell", seconds
        )
        self.page.wait_for_function(_READY, timeout=seconds * 1000)
        self.settle()

    def restart(self) -> None:
        """Restart the kernel, as the menu does, and wait until the new one is ready."""
        self.page.evaluate(
            """() => { window.taskCardsDone = false;
            jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()
            .then(() => { window.taskCardsDone = true; }) }"""
        )
        self.until(lambda: self.page.evaluate("() => window.taskCardsDone"), "the new kernel", 60)
        self.page.wait_for_function(_READY, timeout=120_000)

    def settle(self, *, seconds: float = 0.3) -> None:
        """Let the page draw until nothing in the notebook changes for `seconds`, 10 s at most."""
        self.page.evaluate(_SETTLE, seconds)

    def cells(self) -> list[dict[str, Any]]:
        """Every cell as in the .ipynb file, with `outputs` as they are now."""
        cells: list[dict[str, Any]] = self.page.evaluate(_CELLS)
        return cells

    def errors(self) -> list[str]:
        """A sentence for each cell that ended in an error, but those tagged `raises-exception`."""
        return [
            f"Cell {number}: {output['ename']}: {output['evalue']}"
            for number, cell in enumerate(self.cells())
            if "raises-exception" not in cell["metadata"].get("tags", [])
            for output in cell["outputs"]
            if output["output_type"] == "error"
        ]

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """What `condition` gives as soon as it is true; a TimeoutError naming `what` if never."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Waited {seconds} s in vain for {what}.")
            self.page.wait_for_timeout(50)
        return value

    def cell(self, number: int) -> Locator:
        """The cell with that number, counted from 0 over all cells."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        """The output area of that cell."""
        return self.cell(number).locator(".jp-Cell-outputArea")

    def button(self, text: str) -> Locator:
        """The ipywidgets button with that text."""
        return self.page.locator("button.jupyter-button", has_text=text)

    def click(self, text: str) -> None:
        """Click the ipywidgets button with that text."""
        self.button(text).first.click()

    def slider(self, label: str) -> Locator:
        """The ipywidgets slider whose description is `label`."""
        return self.page.locator(".widget-slider").filter(
            has=self.page.locator(".widget-label", has_text=label)
        )

    def drag(self, label: str, *fractions: float) -> str:
        """Drag a slider's handle to each place in turn, 0.0 left and 1.0 right, and let it go.

        Returns the number that the slider shows afterwards, as text.
        """
        slider = self.hold(label, *fractions)
        self.page.mouse.up()
        return slider.locator(".widget-readout").first.inner_text()

    def hold(self, label: str, *fractions: float) -> Locator:
        """Press on a slider's handle, drag it to each place in turn, and keep it; the slider."""
        slider = self.slider(label).first
        # Waits until the handle is drawn, in view, and no longer moved by what loads around it.
        slider.locator(".noUi-handle").first.hover()
        track = slider.locator(".noUi-base").first.bounding_box()
        if track is None:
            raise AssertionError(f"The slider {label!r} is not drawn.")
        mouse = self.page.mouse
        mouse.down()
        for fraction in fractions:
            mouse.move(
                track["x"] + fraction * track["width"], track["y"] + track["height"] / 2, steps=4
            )
        return slider

    def picture(self, path: Path, *, of: Locator | None = None) -> Path:
        """Save a screenshot of an element, or of the page, and return its path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if of is None:
            self.page.screenshot(path=path)
        else:
            of.screenshot(path=path)
        return path

    def grow(self, *, limit: int = 12_000) -> None:
        """Make the window as high as the notebook, `limit` at most, and show its beginning."""
        inner = self.page.locator(".jp-WindowedPanel-inner").first
        height = int(inner.evaluate("node => node.scrollHeight"))
        width = (self.page.viewport_size or {"width": 1200})["width"]
        self.page.set_viewport_size({"width": width, "height": min(limit, height + 200)})
        self.page.locator(".jp-WindowedPanel-outer").first.evaluate("node => node.scrollTo(0, 0)")
        self.settle()
