"""The build: what a lesson becomes, what stops it, and what `--check` finds."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from helpers._tools.build import main
from helpers._tools.lessons import Lesson, derive, find_lessons
from tests.conftest import README, new_course, new_lesson

WriteLesson = Callable[..., Path]


def text(*lines: str) -> str:
    """A Markdown cell of a lesson."""
    return "\n".join(["# %% [markdown]", *(f"# {line}" for line in lines), ""])


def headings(course: Path) -> list[str]:
    """Each heading of the lesson's notebook, and the line that tells its minutes."""
    cells = [cell for cell in derive(find_lessons(course)[0]).cells if cell.cell_type == "markdown"]
    lines = [line for cell in cells for line in cell.source.splitlines()]
    return [line for line in lines if line.startswith(("#", "*Core"))]


def minutes_of(course: Path, *cells: str) -> str:
    """What stands behind a section's heading, over these cells, eight times each."""
    new_lesson(course, text("## It"), *cells * 8)
    return headings(course)[-1].partition(" (")[2].removesuffix(" min)")


def notebook_of(course: Path, stem: str = "02_spawn") -> nbformat.NotebookNode:
    path = course / "notebooks" / f"{stem}.ipynb"
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)
    return notebook


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one lesson, built; each test gets a copy of it."""
    root = new_course(tmp_path_factory.mktemp("course"))
    new_lesson(
        root,
        "import asyncio\n\nprint('one', flush=True)\nawait asyncio.sleep(0.5)\nprint('two')",
        '# %% tags=["raises-exception"]\nasyncio.run(None)',
        "40 + 2",
    )
    assert main([], root=root) == 0
    return root


@pytest.fixture
def built(built_once: Path, course: Path) -> Path:
    """A course of one lesson, built."""
    shutil.copytree(built_once, course, dirs_exist_ok=True)
    return course


def test_a_build_keeps_the_outputs_and_counts_from_one(built: Path) -> None:
    code = [cell for cell in notebook_of(built).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert [(o.name, o.text) for o in code[0].outputs] == [("stdout", "one\ntwo\n")]
    assert code[1].outputs[0].ename == "RuntimeError"
    assert code[2].outputs[0].data == {"text/plain": "42"}


def test_a_second_build_gives_the_same_bytes(built: Path) -> None:
    path = built / "notebooks" / "02_spawn.ipynb"
    before = path.read_bytes()
    assert main(["02"], root=built) == 0
    assert path.read_bytes() == before


def test_a_build_names_no_python_version_no_time_and_no_path(built: Path) -> None:
    text = (built / "notebooks" / "02_spawn.ipynb").read_text(encoding="utf-8")
    metadata = json.loads(text)["metadata"]
    assert metadata["language_info"] == {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
    }
    assert set(metadata) == {"kernelspec", "language_info", "lesson"}
    assert metadata["kernelspec"]["name"] == "python3"
    assert '"execution": {' not in text
    assert "runners.py" not in text, "the frames in asyncio's own files are left out"


def test_an_inserted_cell_changes_no_other_cells_id(
    course: Path, write_lesson: WriteLesson
) -> None:
    def ids(*cells: str) -> list[str]:
        write_lesson(*cells)
        return [cell.id for cell in derive(find_lessons(course)[0]).cells]

    before, after = ids("1", "print()", "print()"), ids("0", "1", "print()", "print()")
    assert len(set(before)) == 4, "twins have ids of their own"
    assert [identity for identity in after if identity in before] == before


def test_a_failing_cell_stops_the_build_and_leaves_the_notebook_as_it_was(
    built: Path, write_lesson: WriteLesson
) -> None:
    path = built / "notebooks" / "02_spawn.ipynb"
    before = path.read_bytes()
    write_lesson("print(1)", "pot = 1 / 0")
    with pytest.raises(CellExecutionError, match="pot = 1 / 0"):
        main(["02"], root=built)
    assert path.read_bytes() == before


def test_a_widget_becomes_its_words(course: Path, write_lesson: WriteLesson) -> None:
    write_lesson('from helpers import lab\n\nlab("spawn")')
    assert main(["02"], root=course) == 0
    notebook = notebook_of(course)
    (words,) = notebook.cells[1].outputs
    assert words.data["text/plain"].endswith("(Run this cell to use it.)")
    assert words.data["text/plain"] in words.data["text/html"]
    assert "widgets" not in notebook.metadata


def test_check_passes_on_a_fresh_build_and_runs_nothing(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], root=built) == 0
    assert "Every notebook is what its lesson says." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"mimetype": "text/x-python"', '"mimetype": "text/x-python", "version": "3"', "build it"),
        ("40 + 2", "40 + 3", '\n-    "40 + 2"\n+    "40 + 3"\n'),
        ('"language_info"', '"widgets": {}, "language_info"', "build it"),
    ],
)
def test_check_says_what_differs(
    built: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, sentence: str
) -> None:
    path = built / "notebooks" / "02_spawn.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert main(["--check"], root=built) == 1
    out = capsys.readouterr().out
    assert out.startswith("02_spawn.ipynb is not what its lesson says")
    assert sentence in out


def test_a_whole_number_of_a_figure_is_written_as_a_browser_writes_it(
    course: Path, write_lesson: WriteLesson
) -> None:
    figure = {"data": [{"x": [1.0, -65.0, 0.5, 2]}], "text": "1.0"}
    bundle = {"application/vnd.plotly.v1+json": figure, "text/plain": "1.0"}
    write_lesson(f"display({bundle}, raw=True)")
    assert main(["02"], root=course) == 0
    [output] = notebook_of(course).cells[1].outputs
    assert json.dumps(output.data["application/vnd.plotly.v1+json"]) == (
        '{"data": [{"x": [1, -65, 0.5, 2]}], "text": "1.0"}'
    )
    assert output.data["text/plain"] == "1.0"


@pytest.mark.parametrize(
    ("cell", "minutes"),  # of eight such cells
    [
        (text("one two - | three **four** five" + " six" * 20), "1"),
        (text("one " * 100), "4"),
        ("a = 1\n\n# a comment\nb = 2  # another\nc = 3", "2"),
        (text("```rust", *["let a = 1;"] * 30, "", "```"), "16"),
        ("timeline(trace)", "5"),
        ("compare(\n    trace,\n    recording,\n)", "7"),
        ("await record(main())", "5"),
        ("trace", "5"),
        ("trace = await record(main())", "1"),
        ("print(trace)", "1"),
        ("timeline(trace)\nprint(1)", "1"),
        ("check()", "1"),
        ("predict(\n    'How long?',\n    measure=lambda trace: trace.duration,\n)", "6"),
        ("asked = predict(\n    'How long?',\n)\nasked", "6"),
        ("x = 1\nasked = predict('How long?')", "7"),
        ("lab('spawn')", "41"),
        ("check('02.lost_handle', answer)", "81"),
    ],
)
def test_a_cell_takes_so_many_minutes(course: Path, cell: str, minutes: str) -> None:
    assert minutes_of(course, cell) == minutes


def test_minutes_stand_behind_each_section_and_below_the_title(course: Path) -> None:
    sections = [text("## 1. One", "one " * 600, "### More", "one " * 200), "lab('spawn')"]
    sections += [text("## 2. Two", "one " * 398, "## Short", "It is short.")]
    new_lesson(course, *sections)
    assert headings(course) == [
        "# 02 · What runs first?",
        "*Core: 11 minutes.*",
        "## 1. One (9 min)",
        "### More",
        "## 2. Two (2 min)",
        "## Short (1 min)",
    ]


def test_all_after_the_first_deeper_is_deeper(course: Path) -> None:
    sections = [text("## 1. One", "one " * 600), text("## Deeper: why", "one " * 400)]
    sections += ["lab('spawn')", text("## 3. Three", "one " * 200), text("## Deeper", "one " * 200)]
    new_lesson(course, *sections)
    assert headings(course)[1:] == [
        "*Core: 3 minutes. Deeper, to be left out: 9.*",
        "## 1. One (3 min)",
        "## Deeper: why (7 min)",
        "## 3. Three (1 min)",
        "## Deeper (1 min)",
    ]
    about = derive(find_lessons(course)[0]).metadata["lesson"]
    assert (about["core"], about["deeper"]) == (3, 9)


def test_notes_are_in_no_notebook_and_change_nothing_in_it(course: Path) -> None:
    exercises = [text("## Exercises"), '# %% tags=["solution"]\nanswer = 1\n']

    def notebooks(*notes: str) -> list[nbformat.NotebookNode]:
        new_lesson(course, text("## It"), *notes, "print('one')", *notes, *exercises, *notes)
        return [derive(lesson) for lesson in find_lessons(course, solved=True)]

    ask = text("**Ask.** " + "Who is next? " * 400)
    notes = ask.replace("[markdown]", '[markdown] tags=["notes"]')
    assert "Who is next?" in str(notebooks(ask))
    assert "Who is next?" not in str(notebooks(notes))
    assert notebooks(notes) == notebooks()


def test_other_minutes_change_no_cells_id(course: Path) -> None:
    def identity(*cells: str) -> str:
        new_lesson(course, text("## It"), *cells)
        return str(derive(find_lessons(course)[0]).cells[1].id)

    assert identity("1") == identity("1", text("one " * 900))


def broken_links(lesson: Lesson) -> Iterator[str]:
    """Each link to a file that is not beside the lesson, as a lesson or a page."""
    folders = lesson.source.parent, lesson.notebook.parent
    there = {path.name for folder in folders for path in folder.iterdir()}
    for cell in derive(lesson).cells:
        text = re.sub("`[^`]*`", "", cell.source) if cell.cell_type == "markdown" else ""
        for link in re.findall(r"""(?:\]\(|href=")([^)\s#:"]+)[)\s#"]""", text):
            if not {link, link.replace(".ipynb", ".py")} & there:
                yield link


@pytest.mark.parametrize("lesson", find_lessons(), ids=lambda lesson: lesson.source.stem)
def test_each_link_of_a_lesson_leads_to_a_lesson_or_a_page(lesson: Lesson) -> None:
    assert list(broken_links(lesson)) == []


def test_a_link_to_nothing_is_seen(course: Path) -> None:
    (course / "lessons" / "words.md").write_text("a page", encoding="utf-8")
    good = "[a](words.md) [b](02_spawn.ipynb#id) [c](#id) [d](https://example.org/x) `x[0](y)`"
    bad = "[**e**](09_gone.ipynb) ![f](gone.png#a) [g](../README.md 'a title')"
    new_lesson(course, text(good, bad, '<a href="10_gone.ipynb">h</a> <a href="words.md">i</a>'))
    (lesson,) = find_lessons(course)
    lesson.notebook.parent.mkdir(exist_ok=True)
    gone = ["09_gone.ipynb", "gone.png", "../README.md", "10_gone.ipynb"]
    assert list(broken_links(lesson)) == gone


def test_check_finds_an_old_table(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = built / "README.md"
    readme.write_text(README, encoding="utf-8")
    assert main(["--check"], root=built) == 1
    assert "README.md: its lesson table is not what" in capsys.readouterr().out


def test_the_table_is_written_between_its_markers_alone(course: Path) -> None:
    new_lesson(course, "1", text("one " * 800), number="03", name="not_blocking", question="Who?")
    deeper = [text("## Deeper", "one " * 300), "lab('spawn')"]
    new_lesson(course, text("one " * 1400), *deeper)
    assert main(["--table"], root=course) == 0
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# A course\n")
    assert readme.endswith("\nThe end.\n")
    assert (
        "| lesson | the question it answers | core | exercises | deeper |\n|---|---|---|---|---|\n"
        "| [02](notebooks/02_spawn.ipynb) | What runs first? | 7 min | 0 min | 7 min |\n"
        "| [03](notebooks/03_not_blocking.ipynb) | Who? | 4 min | 0 min | 0 min |\n"
    ) in readme


def test_an_unknown_number_is_refused_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["99"])
    assert "there is no lesson 99; there are 00, 01" in capsys.readouterr().err
