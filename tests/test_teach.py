"""The instructor's edition: what slides, handouts, polls and notes hold, and what stops them."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import webbrowser
from pathlib import Path

import nbformat
import pytest

from helpers._tools import build, launch
from helpers._tools.launch import FIRST_LESSON, main
from helpers._tools.lessons import derive, find_lessons
from helpers.draw.theme import PLOTLY
from helpers.exercises import EXERCISES, PROGRESS
from tests.conftest import new_lesson, new_notebook

NOTE = '# %% [markdown] tags=["notes"]\n# **Ask** who has a kettle.\n'
TEXT = "# %% [markdown]\n# {}\n"
CHOICE = """\
predict(
    "Who is late?",
    {"the `soup`": "", "the stir": "It rings."},
    measure=lambda trace: str(trace),
    why="One chef.",
)
"""
CELLS = [
    NOTE,
    TEXT.format("## 1. One stares"),
    CHOICE,
    NOTE,
    "# NBVAL_IGNORE_OUTPUT\nstared = 1",
    TEXT.format("## The lab"),
    "predict('How many?', measure=lambda trace: 3)",
    'predict("Who is first?", order=["bread", "jam"], measure=str)',
    'lab("spawn")',
    TEXT.format("## Exercises"),
    "minutes = ...",
    'check("02.minutes", minutes)',
]
FIGURE = {"data": [], "layout": {"height": 300, "title": {"text": "</script>"}}}
ANSWER = "Who is late? The answer: the `soup`. One chef."
FROM_THE_WEB = re.compile(
    r"""(?:<script|<link|<img|@import|url\()[^>;]{0,99}?["'(](?:https?:)?//"""
)


@pytest.fixture
def taught(course: Path) -> Path:
    """A course of one lesson with notes, and its notebook as if it had been run."""
    new_lesson(course, *CELLS)
    (lesson,) = find_lessons(course)
    notebook = derive(lesson)
    for cell in notebook.cells:
        if "stared" in cell.source:
            said = {"text/plain": ANSWER, "text/html": "<b>The answer</b>"}
            bundles = [said, {PLOTLY: FIGURE, "text/plain": "twin"}]
            cell.outputs = [nbformat.v4.new_output("display_data", data) for data in bundles]
        if cell.source.startswith("lab("):
            data = {"text/plain": "The spawn lab: What? (Run this cell to use it.)"}
            cell.outputs = [nbformat.v4.new_output("execute_result", data)]
    nbformat.write(notebook, lesson.notebook)
    return course


def page(course: Path, *words: str) -> str:
    """The page of lesson 02 that the command writes, without its head and its program."""
    out = course / "out"
    if words[0] == "slides":
        (out / "reveal.js" / "dist").mkdir(parents=True)
        (out / "reveal.js" / "dist" / "reveal.js").touch()
    assert main([*words, "02", "--out", str(out)], root=course) == 0
    html = (out / f"02_spawn_{words[0]}.html").read_text(encoding="utf-8")
    assert FROM_THE_WEB.findall(html) == []
    return html.partition("<main>")[2].partition("</main>")[0]


def test_notes_change_neither_the_learners_cells_nor_their_ids_nor_the_minutes(
    course: Path,
) -> None:
    new_lesson(course, *CELLS)
    with_notes = [derive(lesson) for lesson in find_lessons(course, solved=True)]
    for_teachers = derive(find_lessons(course)[0], notes=True)
    new_lesson(course, *(cell for cell in CELLS if cell != NOTE))
    assert [derive(lesson) for lesson in find_lessons(course, solved=True)] == with_notes
    assert "kettle" not in str(with_notes)
    notes = [cell for cell in for_teachers.cells if "kettle" in cell.source]
    assert [cell for cell in for_teachers.cells if cell not in notes] == with_notes[0].cells
    assert len({cell.id for cell in for_teachers.cells}) == len(for_teachers.cells)


def test_a_part_a_question_and_what_answers_it_are_slides_and_exercises_are_none(
    taught: Path,
) -> None:
    html = page(taught, "slides")
    slides = [re.sub(r"<[^>]*>", " ", each).split() for each in re.split("<section[^>]*>", html)]
    starts = [words[:2] for words in slides if words]
    assert starts == [
        ["02", "·"],
        ["1.", "One"],
        ["Predict.", "Who"],
        ["stared", "="],
        ["The", "lab"],
        ["Predict.", "How"],
        ["Predict.", "Who"],
        ["lab", "("],
    ]
    assert html.count('<aside class="notes">') == 2
    question = html[html.index("Who is late?") :].partition("</section>")[0]
    assert "kettle" in question, "a note is the speaker's of the slide before it"
    assert "02.minutes" not in html


def test_a_question_on_a_slide_has_its_options_and_neither_code_nor_answer(taught: Path) -> None:
    html = page(taught, "slides")
    question = html[html.index("Who is late?") :].partition("</section>")[0]
    assert re.findall(r"<li><p>(.*?)</p>", question) == ["the <code>soup</code>", "the stir"]
    assert "One chef" not in question
    assert "It rings" not in html
    assert "measure" not in html
    assert "NBVAL" not in html
    assert html.count("A number: ____") == 1
    assert html.count("In which order? ____") == 1


@pytest.mark.parametrize("kind", ["slides", "handout"])
def test_a_page_has_its_figures_as_data_and_a_lab_as_words(taught: Path, kind: str) -> None:
    html = page(taught, kind)
    (figure,) = re.findall(r'"figure"><script type="application/json">(.*?)</script>', html)
    assert json.loads(figure) == FIGURE
    assert "The spawn lab: What? (It runs in the notebook.)" in html
    assert "Plotly" in (taught / "out" / "plotly.min.js").read_text(encoding="utf-8")


def test_a_handout_has_exercises_and_outputs_and_no_notes_and_says_why_it_is_not_printed(
    taught: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    html = page(taught, "handout")
    assert "Exercises" in html
    assert "<b>The answer</b>" in html
    assert "kettle" not in html
    assert "there is no Chromium or Chrome" in capsys.readouterr().out


def test_a_poll_asks_and_answers_when_it_is_told_to(taught: Path) -> None:
    html = page(taught, "poll")
    assert [html.count(one) for one in ("Who is late?", "How many?", "the stir", "jam")] == [1] * 4
    assert not re.search("soup.*(One chef|The answer)|It rings|kettle|stared", html)
    answered = page(taught, "poll", "--answers")
    assert "It rings." in answered
    assert "the <code>soup</code>. One chef." in answered


def test_teach_opens_the_notes_in_a_browser_and_the_lesson_without_them_beside(
    taught: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_notebook(taught, FIRST_LESSON, "1 + 1")
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)

    def start(folder: Path, options: argparse.Namespace, passed_on: list[str]) -> int:
        opened.extend([options.page, *passed_on])
        return 0

    monkeypatch.setattr(launch, "_start", start)
    assert main(["teach", "02", "--ip=0.0.0.0"], root=taught) == 0
    folder = taught / "my-course" / "teaching"
    page = (folder / "02_spawn_notes.html").as_uri()
    settings = f"--LabApp.user_settings_dir={folder / '.settings'}"
    assert opened == [page, "/doc/tree/02_spawn.ipynb", settings, "--ip=0.0.0.0"]
    [type_size] = (folder / ".settings").rglob("themes.jupyterlab-settings")
    assert '"content-font-size1": "22px"' in type_size.read_text(encoding="utf-8")
    notes = (folder / "02_spawn_notes.html").read_text(encoding="utf-8")
    for words in ("kettle", "The answer", "One chef.", "It rings.", "1. One stares (1 min)"):
        assert words.replace("The answer", "Answer") in notes
    copy = folder / "02_spawn.ipynb"
    assert "kettle" not in copy.read_text(encoding="utf-8")
    assert "The answer" not in copy.read_text(encoding="utf-8"), "outputs are left out"
    changed = copy.read_text(encoding="utf-8").replace("stared = 1", "stared = 2")
    copy.write_text(changed, encoding="utf-8")
    assert main(["teach", "02", "--no-browser"], root=taught) == 0
    assert copy.read_text(encoding="utf-8") == changed
    assert opened.count(page) == 1, "no browser was asked for"


def test_slides_say_where_revealjs_comes_from_and_keep_it(
    taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(taught / "out")
    with pytest.raises(SystemExit, match=r"npm pack reveal\.js@4"):
        main(["slides", "--out", out], root=taught)
    (tmp_path / "package" / "dist").mkdir(parents=True)
    (tmp_path / "package" / "dist" / "reveal.js").write_text("reveal", encoding="utf-8")
    package = str(tmp_path / "package")
    assert main(["slides", "--out", out, "--reveal", package], root=taught) == 0
    assert main(["slides", "--out", out], root=taught) == 0
    assert "02_spawn_slides.html" in capsys.readouterr().out


def test_a_notebook_that_is_not_what_its_lesson_says_makes_no_page(taught: Path) -> None:
    new_lesson(taught, "3")
    with pytest.raises(SystemExit, match="02_spawn.ipynb is not what its lesson says; build it"):
        main(["poll"], root=taught)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["poll", "09"], "There is no lesson 09 in .*; a clone has them"),
        (["poll", "--dark"], "poll knows no --dark"),
    ],
)
def test_what_is_not_there_is_named(
    taught: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words, root=taught)
    assert re.search(sentence, f"{stopped.value}{capsys.readouterr().err}")


def test_without_lessons_it_says_that_a_clone_has_them(course: Path) -> None:
    shutil.rmtree(course / "lessons")
    with pytest.raises(SystemExit, match="There is no lesson at all in .*; a clone has them"):
        main(["poll"], root=course)


def test_a_missing_package_is_named_with_what_brings_it(
    taught: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "helpers._tools.teach", raising=False)
    monkeypatch.setitem(sys.modules, "nbconvert", None)
    mend = r"; `python -m pip install -e '\.\[teach,site\]'` may mend it$"
    with pytest.raises(SystemExit, match=f"^`task-cards poll` fails: .*nbconvert.*{mend}"):
        main(["poll"], root=taught)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_file_that_is_no_progress_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / PROGRESS).write_text(text)
    with pytest.raises(SystemExit, match=f"^{tmp_path / PROGRESS} is no file of progress: "):
        main(["progress", "--export", "--folder", str(tmp_path)])


def test_progress_is_exported_with_a_line_for_each_folder_and_exercise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for who in ("anna", "ben"):
        (tmp_path / who).mkdir()
    done = {"02.minutes": {"status": "correct", "checks": 7, "hints": 1}}
    known = {"format": 1, "exercises": done}
    (tmp_path / "anna" / PROGRESS).write_text(json.dumps(known), encoding="utf-8")
    folders = [str(tmp_path / who) for who in ("anna", "ben")]
    assert main(["progress", "--export", "--folder", *folders]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == "folder,exercise,outcome"
    assert len(lines) == 2 * len(EXERCISES)
    correct = [line for line in lines if not line.endswith(",not attempted")]
    assert correct == [f"{folders[0]},02.minutes,correct"]


def test_nbgrader_is_told_which_cell_answers_and_which_grades(taught: Path) -> None:
    cells = derive(find_lessons(taught)[0]).cells
    told = [cell.metadata.nbgrader for cell in cells if "nbgrader" in cell.metadata]
    answer = {"schema_version": 3, "grade_id": "02-minutes", "solution": True, "task": False}
    test = {"schema_version": 3, "grade_id": "02-minutes-check", "solution": False, "task": False}
    assert told == [
        answer | {"grade": False, "locked": False},
        test | {"grade": True, "locked": True, "points": 1},
    ]
    assert cells[-1].metadata.nbgrader.grade


PARTS = [
    "# %% [markdown]\n# ## 1. One\n# " + "one " * 600,
    "# %% [markdown]\n# ## The lab\n# " + "one " * 398,
    "# %% [markdown]\n# ## Exercises\n# " + "one " * 798,
    "# %% [markdown]\n# ## Deeper\n# " + "one " * 199,
]
SCHEDULES = """\
# Teaching

<!-- schedules: {} -->
an old table
<!-- end of schedules -->

The end.
"""


@pytest.mark.parametrize(
    ("plan", "rows"),
    [
        ("9 minutes: 02", ["| 02 | the core | 5 |", "| in all |  | 5 |"]),
        ("9 minutes: 02 1; 03 lab", ["| 02 | 1 | 3 |", "| 03 | The lab | 2 |"]),
        ("9 minutes: 02 lab deeper", ["| 02 | The lab; Deeper | 3 |"]),
    ],
)
def test_a_schedule_is_written_with_the_minutes_of_its_parts(
    course: Path, capsys: pytest.CaptureFixture[str], plan: str, rows: list[str]
) -> None:
    teaching = course / "lessons" / "TEACHING.md"
    teaching.write_text(SCHEDULES.format(plan), encoding="utf-8")
    new_lesson(course, *PARTS)
    new_lesson(course, *PARTS, number="03", name="not_blocking")
    (course / "notebooks" / "solutions").mkdir()
    for lesson in find_lessons(course, solved=True):
        nbformat.write(derive(lesson), lesson.notebook)
    assert build.main(["--table"], root=course) == 0
    text = teaching.read_text(encoding="utf-8")
    assert text.startswith(f"# Teaching\n\n<!-- schedules: {plan} -->\n| lesson | in class |")
    assert text.endswith(" |\n<!-- end of schedules -->\n\nThe end.\n")
    assert [row for row in rows if row not in text] == []
    assert "an old table" not in text
    teaching.write_text(text.replace("| lesson", "| old"), encoding="utf-8")
    assert build.main(["--check"], root=course) == 1
    assert "TEACHING.md: its lesson table is not what" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ("9 minutes: 02; 09 lab", "there is no such lesson or part: ' 09 lab'"),
        ("9 minutes: 02 8", "there is no such lesson or part: '02 8'"),
        ("4 minutes: 02", "a plan for 4 minutes takes 5"),
    ],
)
def test_a_schedule_that_cannot_be_kept_stops_the_build(
    course: Path, plan: str, sentence: str
) -> None:
    (course / "lessons" / "TEACHING.md").write_text(SCHEDULES.format(plan), encoding="utf-8")
    new_lesson(course, *PARTS)
    with pytest.raises(SystemExit, match=sentence):
        build.main(["--table"], root=course)
