"""The browser edition: pages to read and search, and each lesson alive in a tab, from one folder.

Pyodide's runtime and all wheels lie beside the pages. Nothing is asked of another host.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from plotly.offline import get_plotlyjs
from pyodide_lock.spec import InfoSpec, PyodideLockSpec
from pyodide_lock.utils import add_wheels_to_spec

from helpers._tools.copies import bring
from helpers.draw.theme import PLOTLY

_HERE = Path(__file__).parent
_KERNEL = Path("labextensions", "@jupyterlite", "pyodide-kernel-extension", "static", "pypi")
# What the front end has, what a browser cannot have, and what a figure and a widget need besides.
_LEFT_OUT = {"jupyterlab", "jupyterlab-widgets", "widgetsnbextension"}
_LEFT_OUT |= {"psutil", "cloudpickle", "nest-asyncio2"}
_LEFT_OUT |= {"aiohttp", "aiosqlite", "cachetools", "prometheus-client"}  # sockets, threads
_BESIDES = {"plotly": ["anywidget", "nbformat"]}
_UNREAD = r"\.data/data/|package_data/(plotly\.min|widgetbundle)\.js|django-stubs|\.js\.map$"


def build(root: Path, out: Path) -> None:
    """Write the site anew into `out`; what is in there goes."""
    pyodide = root / "tests" / "pyodide" / "node_modules" / "pyodide"
    if not (pyodide / "pyodide.mjs").is_file():
        how = "`npm install --no-save --no-package-lock` in tests/pyodide of a clone brings it"
        raise SystemExit(f"There is no Pyodide in {pyodide.parent}: {how}.")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _lay_runtime(root, pyodide, work)
        lay_lessons(root, work / "content")
        shutil.copytree(_HERE / "lite", work, dirs_exist_ok=True)
        _run("jupyterlite_core", "build", cwd=work)
        _lay_pages(root, work / "pages")
        _run("sphinx", "-q", "-d", "doctrees", "pages", "site/pages", cwd=work)
        shutil.copy(_HERE / "index.html", work / "site")
        shutil.rmtree(out, ignore_errors=True)
        unread = shutil.ignore_patterns("*.map", "jupyter_execute")
        shutil.copytree(work / "site", out, ignore=unread)
        _keep_offline(out)


def _lay_pages(root: Path, pages: Path) -> None:
    """What Sphinx builds pages from: the notebooks, whose figures become parts of a page."""
    skip = shutil.ignore_patterns("solutions", ".*")
    shutil.copytree(_HERE / "pages", pages)
    (pages / "conf.txt").rename(pages / "conf.py")
    shutil.copytree(root / "notebooks", pages, ignore=skip, dirs_exist_ok=True)
    (pages / "_static" / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    for path in pages.glob("*.ipynb"):
        notebook = json.loads(path.read_bytes())
        for output in (each for cell in notebook["cells"] for each in cell.get("outputs", ())):
            if figure := output.get("data", {}).pop(PLOTLY, None):
                text = html.escape("".join(output["data"].get("text/plain", "")))
                drawn = json.dumps(figure).replace("</", "<\\/")
                drawn = f'<script type="application/json">{drawn}</script>'
                twin = f"<details><summary>The same in words</summary><pre>{text}</pre></details>"
                output["data"]["text/html"] = f'<div class="timeline">{drawn}</div>{twin}'
        path.write_text(json.dumps(notebook), encoding="utf-8")


def _keep_offline(site: Path) -> None:
    """Let JupyterLite's service worker fetch all of the site in the background, once."""
    files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    worker, ours = site / "service-worker.js", (_HERE / "worker.js").read_text(encoding="utf-8")
    text = f"const FILES = {json.dumps(files)};\n{ours}{worker.read_text(encoding='utf-8')}"
    worker.write_text(text, encoding="utf-8")


def _run(*module: str, cwd: Path) -> None:
    """Run a module of this Python, and say what it said if it fails."""
    command = [sys.executable, "-m", *module]
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"`{' '.join(module)}` fails: {(ran.stdout + ran.stderr)[-3000:]}")


def _lay_runtime(root: Path, pyodide: Path, work: Path) -> None:
    """Pyodide with the wheels, and a lock that lists these alone, so no other is looked for."""
    here = {name: metadata.version(name) for name in ("anywidget", "ipywidgets", "plotly")}
    (work / "wheels.txt").write_text((_HERE / "wheels.txt").read_text("utf-8").format_map(here))
    lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
    python = ".".join(lock["info"]["python"].split(".")[:2])
    there = ["--only-binary=:all:", "--python-version", python, "--platform", "any"]
    there += ["--implementation", "py", "--abi", "none"]
    _run("pip", "download", "--no-deps", *there, "-d", "wheels", "-r", "wheels.txt", cwd=work)
    _run("pip", "wheel", "--no-deps", "-w", "wheels", str(root), cwd=work)
    own = Path(sys.prefix, "share", "jupyter", _KERNEL).glob("[!w]*.whl")
    target = work / "static" / "pyodide"
    target.mkdir(parents=True)
    for file in ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"):
        shutil.copy(pyodide / file, target)
    wheels = [_lightened(each, target) for each in (*(work / "wheels").glob("*.whl"), *own)]
    ours = PyodideLockSpec(info=InfoSpec(version="", **lock["info"]), packages={})
    packages = add_wheels_to_spec(ours, wheels, ignore_missing_dependencies=True).packages
    for name, package in packages.items():
        package.depends = sorted({*package.depends, *_BESIDES.get(name, ())} - _LEFT_OUT)
        if missing := set(package.depends) - packages.keys():
            raise SystemExit(f"{name} needs {missing}, which wheels.txt does not name.")
    lock["packages"] = {name: package.model_dump() for name, package in packages.items()}
    (target / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def _lightened(wheel: Path, target: Path) -> Path:
    """Copy a wheel into a folder, without what no browser's Python reads; the copy."""
    with ZipFile(wheel) as archive, ZipFile(target / wheel.name, "w") as copy:
        for name in archive.namelist():
            if not re.search(_UNREAD, name):
                copy.writestr(ZipInfo(name), archive.read(name), ZIP_DEFLATED, 9)
    return target / wheel.name


def lay_lessons(root: Path, content: Path) -> None:
    """The learner's copies, each of which loads first what shows the outputs of a machine."""
    bring(root, content)
    for path in content.glob("*.ipynb"):
        notebook = json.loads(path.read_bytes())
        first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        loads = first | {"id": "load", "source": "%load_ext helpers._tools.browser"}
        notebook["cells"].insert(notebook["cells"].index(first), loads)
        path.write_text(json.dumps(notebook), encoding="utf-8")
