"""The browser edition: pages to read and search, and each lesson alive in a tab, from one folder.

Pyodide's runtime and all wheels lie beside the pages. Nothing is asked of another host.
"""

import ast
import hashlib
import html
import json
import re
import shutil
import subprocess
import symtable
import sys
import tempfile
import zipfile
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from plotly.offline import get_plotlyjs

from helpers._tools.copies import bring
from helpers.draw.theme import PLOTLY

_HERE = Path(__file__).parent
_RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_PYODIDE = Path("tests", "pyodide", "node_modules", "pyodide")
_KERNEL = Path("labextensions", "@jupyterlite", "pyodide-kernel-extension", "static", "pypi")
# What of JupyterLite's service worker is changed: it keeps listings too, and fetches all files.
_WORKER = {
    '||t.pathname.includes("/api/")': "",
    "async function onFetch(e){": "let filled;async function onFetch(e){filled??=e.waitUntil(fill())??1;",
    "async function cacheAll(){": """async function fill(){const c=await openCache();for(const f of FILES)
    try{await c.match(f)||await c.add(f)}catch{}}async function cacheAll(){""",
}
# What the front end has, what a browser cannot have, and what a figure and a widget need besides.
_LEFT_OUT = {"jupyterlab", "jupyterlab-widgets", "psutil", "cloudpickle", "nest-asyncio2"}
_BESIDES = {"plotly": ["anywidget", "nbformat"]}
_UNREAD = re.compile(r"\.data/data/|package_data/(plotly\.min|widgetbundle)\.js|django-stubs|\.js\.map$")
_BROWSER = {"sys_platform": "emscripten", "platform_system": "Emscripten", "extra": ""}
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_NEEDS_THREADS = re.compile(
    r'(?<!\.\.\., )clock="real"|(to_thread|print)\(asyncio\.run|nest_asyncio|_run_once'
    r"|\b(subprocess\.|multiprocessing\.|threading\.Thread|ProcessPoolExecutor\()"
)


def build(root: Path, out: Path) -> None:
    """Write the site anew into `out`; what is in there goes."""
    pyodide = root / _PYODIDE
    if not (pyodide / "pyodide.mjs").is_file():
        how = "`npm install --no-save --no-package-lock` in tests/pyodide of a clone brings it"
        raise SystemExit(f"There is no Pyodide in {pyodide.parent}: {how}.")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _lay_runtime(root, pyodide, work)
        _lay_lessons(root, work / "content")
        for file in ("jupyter-lite.json", "overrides.json"):
            shutil.copy(_HERE / file, work)
        options = {"contents": ["content"], "output_dir": "site", "cache_dir": ".cache"}
        more = {"no_sourcemaps": True, "no_unused_shared_packages": True, "apps": ["lab"]}
        config = json.dumps({"LiteBuildConfig": options | more})
        (work / "jupyter_lite_config.json").write_text(config, encoding="utf-8")
        _run("jupyterlite_core", "build", cwd=work)
        _lay_pages(root, work / "pages")
        _run("sphinx", "-q", "-d", "doctrees", "pages", "site/pages", cwd=work)
        shutil.copy(_HERE / "index.html", work / "site")
        shutil.rmtree(work / "site" / "jupyter_execute", ignore_errors=True)
        for unread in (work / "site").rglob("*.map"):
            unread.unlink()
        _keep_offline(work / "site")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(work / "site", out)


def _lay_pages(root: Path, pages: Path) -> None:
    """What Sphinx builds pages from: the notebooks with their outputs, a figure as its own page's."""
    skip = shutil.ignore_patterns("solutions", ".*")
    shutil.copytree(_HERE / "pages", pages)
    shutil.copytree(root / "notebooks", pages, ignore=skip, dirs_exist_ok=True)
    (pages / "_static" / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    titles = []
    for path in sorted(pages.glob("*.ipynb")):
        notebook = json.loads(path.read_bytes())
        for output in (each for cell in notebook["cells"] for each in cell.get("outputs", ())):
            if figure := output.get("data", {}).pop(PLOTLY, None):
                text = html.escape("".join(output["data"].get("text/plain", "")))
                drawn = json.dumps(figure).replace("</", "<\\/")
                drawn = f'<script type="application/json">{drawn}</script>'
                twin = f"<details><summary>The same in words</summary><pre>{text}</pre></details>"
                output["data"]["text/html"] = f'<div class="timeline">{drawn}</div>{twin}'
        first = notebook["cells"][0]
        live = f"../lab/index.html?path={path.name}"
        link = f'<a class="live" href="{live}">Run this lesson here, in the browser</a>'
        title, end, text = "".join(first["source"]).partition("\n")
        first["source"] = f"{title}\n\n{link}\n{end}{text}"
        titles.append(f"{path.stem}\n")
        path.write_text(json.dumps(notebook), encoding="utf-8")
    index = (pages / "index.md").read_text(encoding="utf-8")
    (pages / "index.md").write_text(index.replace("LESSONS\n", "".join(titles)), encoding="utf-8")


def _keep_offline(site: Path) -> None:
    """Let JupyterLite's service worker fetch all of the site in the background, once."""
    files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    worker = site / "service-worker.js"
    text = worker.read_text(encoding="utf-8")
    for old, new in _WORKER.items():
        if text.count(old) != 1:
            raise SystemExit(f"JupyterLite's service worker is another than is known: no {old!r}.")
        text = text.replace(old, new.replace("FILES", json.dumps(sorted(files))))
    worker.write_text(text, encoding="utf-8")


def _run(*module: str, cwd: Path) -> None:
    """Run a module of this Python, and say what it said if it fails."""
    command = [sys.executable, "-m", *module]
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"`{' '.join(module)}` fails: {(ran.stdout + ran.stderr)[-3000:]}")


def _lay_runtime(root: Path, pyodide: Path, work: Path) -> None:
    """Pyodide with the wheels, and a lock that lists these alone, so that no other is looked for."""
    names = ("anywidget", "ipywidgets", "plotly")
    needs = (_HERE / "wheels.txt").read_text(encoding="utf-8")
    (work / "wheels.txt").write_text(needs.format(x="", **{n: metadata.version(n) for n in names}))
    lock = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))
    python = ".".join(lock["info"]["python"].split(".")[:2])
    there = ["--only-binary=:all:", "--python-version", python, "--platform", "any"]
    there += ["--implementation", "py", "--abi", "none"]
    _run("pip", "download", "--no-deps", *there, "-d", "wheels", "-r", "wheels.txt", cwd=work)
    _run("pip", "wheel", "--no-deps", "-w", "wheels", str(root), cwd=work)
    own = Path(sys.prefix, "share", "jupyter", _KERNEL).glob("*.whl")
    target = work / "static" / "pyodide"
    target.mkdir(parents=True)
    for file in _RUNTIME:
        shutil.copy(pyodide / file, target)
    packages = {}
    for wheel in (*(work / "wheels").glob("*.whl"), *own):
        if not wheel.name.startswith("widgetsnbextension-3"):
            package = _package(wheel, target / wheel.name, _BROWSER | {"python_version": python})
            packages[canonicalize_name(package["name"])] = package
    for package in packages.values():
        wanted = set(package["depends"]) - _LEFT_OUT
        if missing := wanted - packages.keys():
            raise SystemExit(f"{package['name']} needs {missing}, which wheels.txt does not name.")
        package["depends"] = sorted(wanted)
    lock["packages"] = packages
    (target / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def _package(wheel: Path, target: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Copy a wheel, without what no browser's Python reads; its entry in Pyodide's lock."""
    pack: Any = {"mode": "w", "compression": zipfile.ZIP_DEFLATED, "compresslevel": 9}
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(target, **pack) as copy:
        names = [name for name in archive.namelist() if not _UNREAD.search(name)]
        for name in names:
            copy.writestr(zipfile.ZipInfo(name), archive.read(name), zipfile.ZIP_DEFLATED)
        about = next(name for name in names if name.endswith(".dist-info/METADATA"))
        meta = HeaderParser().parsestr(archive.read(about).decode())
    tops = {name.partition("/")[0].removesuffix(".py") for name in names if name.endswith(".py")}
    needs = map(Requirement, meta.get_all("Requires-Dist") or [])
    needs_here = [n.name for n in needs if n.marker is None or n.marker.evaluate(environment)]
    key = canonicalize_name(meta["Name"])
    return {
        "name": meta["Name"],
        "version": meta["Version"],
        "file_name": target.name,
        "install_dir": "site",
        "package_type": "package",
        "unvendored_tests": False,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "imports": sorted(filter(str.isidentifier, tops)),
        "depends": [canonicalize_name(n) for n in (*needs_here, *_BESIDES.get(key, ()))],
    }


def _lay_lessons(root: Path, content: Path) -> None:
    """The learner's copies; a cell that needs threads shows what it showed on a machine."""
    bring(root, content)
    for path in content.glob("*.ipynb"):
        notebook, lost = json.loads(path.read_bytes()), set[str]()
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for cell in code[1:]:
            source = "".join(cell["source"])
            if _needs_threads(source, lost, measures="measures" in cell["metadata"].get("tags", ())):
                cell["source"] = f"%%recorded {path.name} {cell['id']}\n{source}"
        first = "".join(code[0]["source"])
        code[0]["source"] = f"%load_ext helpers._tools.browser\n{first}"
        path.write_text(json.dumps(notebook), encoding="utf-8")


def _needs_threads(source: str, lost: set[str], *, measures: bool) -> bool:
    """Whether a cell needs threads, or a name that only such a cell sets: these are in `lost`."""
    try:
        tables = [symtable.symtable(source, "cell", "exec")]
        body = ast.parse(source).body
    except SyntaxError:  # a magic
        return False
    sets = {name.get_name() for name in tables[0].get_symbols() if name.is_assigned()}
    names = [name for name in tables[0].get_symbols() if name.is_referenced()]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        names += [name for name in table.get_symbols() if name.is_global() and name.is_referenced()]
    needed = {name.get_name() for name in names} - sets
    needs = measures or bool(_NEEDS_THREADS.search(source) or needed & lost)
    lost.update(sets) if needs else lost.difference_update(sets)
    return needs and not all(isinstance(node, _DEFINES) for node in body)
