"""The learner's copies of the lessons and pages: made without outputs, never overwritten."""

import hashlib
import json
from contextlib import suppress
from itertools import count
from pathlib import Path

from helpers.exercises import MANIFEST, keep


def bring(root: Path, folder: Path, *, update: bool = False) -> str:
    """Copy what is not there, with `update` also what the learner has left as it was; a sentence.

    A manifest in the folder has a digest of each file as it was copied.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest, changed, copied = folder / MANIFEST, [], dict[str, str]()
    with suppress(FileNotFoundError, ValueError, TypeError):  # of a damaged one nothing is known
        copied |= json.loads(manifest.read_bytes())
    pages = [page for page in (root / "lessons").glob("*.md") if page.name != "TEACHING.md"]
    for source in sorted([*(root / "notebooks").glob("[!.]*.*"), *pages]):
        mine, (data, new) = folder / source.name, read(source)
        now = read(mine)[1] if mine.exists() else ""
        if not now or (update and now == copied.get(mine.name) != new):
            mine.write_bytes(data)
            now = new
        elif now not in (new, copied.get(mine.name)):
            changed.append(mine.name)
        if now == new:
            copied[mine.name] = new
    keep(manifest, copied)
    stays = f" You have changed {', '.join(changed)}: not updated." if update and changed else ""
    return f"Your copies of the lessons are in {folder}.{stays}"


def set_aside(root: Path, folder: Path, lesson: str) -> None:
    """Give the learner's copy of a lesson another name, so that it can be copied anew."""
    names = {path.name[:2]: path.name for path in (root / "notebooks").glob("*.ipynb")}
    if lesson not in names:
        raise SystemExit(f"There is no lesson {lesson}; there are {', '.join(sorted(names))}.")
    if (mine := folder / names[lesson]).exists():
        others = (mine.with_stem(f"{mine.stem}_before_reset_{n}") for n in count(1))
        other = mine.rename(next(path for path in others if not path.exists()))
        print(f"Your {mine.name} is now {other.name}.")


def read(path: Path) -> tuple[bytes, str]:
    """What a learner gets of a file, a notebook without outputs; and a digest of its sources."""
    data = written = path.read_bytes()
    with suppress(ValueError, LookupError, TypeError):  # a page, or what was made of a notebook
        notebook = json.loads(data)
        sources = ["".join(cell["source"]) for cell in notebook["cells"]]
        for cell in (each for each in notebook["cells"] if "outputs" in each):
            cell.update(outputs=[], execution_count=None)
        data = f"{json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False)}\n".encode()
        # JupyterLab puts an empty cell behind the last one when that is run.
        written = json.dumps([source for source in sources if source]).encode()
    return data, hashlib.sha256(written).hexdigest()
