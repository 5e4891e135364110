"""Recording real Tokio again: the build, the comparison, and what the one command says."""

from __future__ import annotations

import gzip
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from helpers.tokio import cargo, record, shapes
from helpers.tokio.events import Mark
from helpers.tokio.load import DATA, recorded

EXACT, REAL = "select.current_thread_paused", "select.multi_thread_2"


def text_of(name: str) -> str:
    return gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).decode()


class FakeRecorder:
    """Stands in for the built program: answers with the recordings that are kept."""

    def __init__(self) -> None:
        self.listed = [EXACT, REAL]
        self.instead: dict[str, str] = {}
        self.asked: list[str] = []

    def __call__(self, program: Path, *arguments: str) -> str:
        if not arguments:
            return "".join(f"{name.replace('.', ' ')}\n" for name in self.listed)
        name = ".".join(arguments)
        self.asked.append(name)
        return self.instead.get(name) or text_of(name)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> FakeRecorder:
    fake = FakeRecorder()
    monkeypatch.setattr(cargo, "build", lambda *, debian: Path("recorder"))
    monkeypatch.setattr(record, "_output", fake)
    return fake


def test_a_check_of_the_same_recordings_finds_nothing(
    recorder: FakeRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record.main(["--check"]) == 0
    assert capsys.readouterr().out == "2 recordings compared, nothing wrong\n"


def test_a_check_says_which_event_is_another_on_the_virtual_clock(
    recorder: FakeRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.instead[EXACT] = text_of(EXACT).replace("0.1,", "0.11,").replace("0.1}", "0.11}")
    assert record.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "select.current_thread_paused.jsonl.gz: it is no longer the same event by event" in said
    assert recorder.asked.count(EXACT) == 1  # exact: trying again would change nothing


def test_a_check_tries_a_real_clock_again_before_it_complains(
    recorder: FakeRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.instead[REAL] = text_of(REAL).replace('"database"', '"archive"')
    assert record.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "archive is new" in said
    assert "database is missing" in said
    assert recorder.asked.count(REAL) == record.TRIES


def test_a_difference_between_two_versions_of_tokio_names_them(
    recorder: FakeRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    other = text_of(EXACT).replace('"tokio":"1.24.2"', '"tokio":"1.99.0"')
    recorder.instead[EXACT] = other
    assert record.main(["--check"]) == 0
    recorder.instead[EXACT] = other.replace('"text":"cache won"', '"text":"cache won!"')
    assert record.main(["--check"]) == 1
    assert "(by Tokio 1.99.0; the kept one is by 1.24.2)" in capsys.readouterr().err


def test_a_recording_that_breaks_a_rule_or_a_fact_is_not_kept(
    recorder: FakeRecorder,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record, "DATA", tmp_path / "data")
    recorder.instead[EXACT] = text_of(EXACT).replace("cache won", "database won")
    assert record.main([]) == 1
    assert "it does not hold that the marks are ['cache won']" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_recording_all_replaces_what_was_kept(
    recorder: FakeRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "DATA", tmp_path)
    (tmp_path / "old.current_thread.jsonl.gz").write_bytes(b"")
    assert record.main([]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{EXACT}.jsonl.gz", f"{REAL}.jsonl.gz"]
    assert gzip.decompress((tmp_path / f"{REAL}.jsonl.gz").read_bytes()).decode() == text_of(REAL)


def test_recording_some_leaves_the_others(
    recorder: FakeRecorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "DATA", tmp_path)
    (tmp_path / "old.current_thread.jsonl.gz").write_bytes(b"")
    assert record.main(["--only", "select"]) == 0
    assert len(list(tmp_path.iterdir())) == 3


def test_too_big_a_recording_is_not_kept(
    recorder: FakeRecorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "MAX_FILE", 100)
    assert record.main(["--check"]) == 1
    assert "at most 100 are kept" in capsys.readouterr().err
    monkeypatch.setattr(record, "MAX_FILE", 1000)
    monkeypatch.setattr(record, "MAX_ALL", 300)
    assert record.main([]) == 1
    assert "all recordings take" in capsys.readouterr().err


def test_an_unknown_program_is_refused_by_name(
    recorder: FakeRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record.main(["--only", "brunch"]) == 2
    assert "there is no program named brunch" in capsys.readouterr().err


def test_without_cargo_the_command_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert record.main([]) == 2
    assert "recording needs Rust's cargo" in capsys.readouterr().err


def completed(code: int, stdout: str = "", stderr: str = "") -> Any:
    return subprocess.CompletedProcess([], code, stdout, stderr)


def test_without_the_package_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: completed(1))
    with pytest.raises(cargo.CannotRecord, match="apt-get install -y .*librust-tokio-dev"):
        cargo._debian_config()


def test_where_there_is_no_dpkg_the_command_asks_whether_this_is_debian(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("dpkg")

    monkeypatch.setattr("subprocess.run", missing)
    with pytest.raises(cargo.CannotRecord, match="is this Debian"):
        cargo._debian_config()


def test_a_build_that_fails_shows_what_cargo_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: completed(101, stderr="no network"))
    with pytest.raises(cargo.CannotRecord, match=r"add --debian:\nno network"):
        cargo.build(debian=False)


def test_the_folder_of_crates_is_where_the_package_lists_its_own() -> None:
    crate = "/opt/crates/tokio-1.24.2"
    listing = f"/.\n/usr/share/doc/tokio-dev/copyright\n{crate}\n{crate}/Cargo.toml\n"
    assert cargo.crates(listing) == "/opt/crates"
    with pytest.raises(cargo.CannotRecord, match="lists no crate of Tokio"):
        cargo.crates("/.\n/usr\n")


def test_debians_crates_are_read_only_when_they_are_asked_for() -> None:
    config = tomllib.loads((cargo.RECORDER / "debian.toml").read_text(encoding="utf-8"))
    replacement = config["source"]["crates-io"]["replace-with"]
    assert Path(config["source"][replacement]["directory"]).is_absolute()
    assert config["net"]["offline"] is True
    assert not (cargo.RECORDER / ".cargo").exists()  # what cargo would read by itself


def test_every_scenario_of_the_recorder_is_kept() -> None:
    table = (cargo.RECORDER / "src" / "scenarios" / "mod.rs").read_text(encoding="utf-8")
    named = {line.split('"')[1] for line in table.splitlines() if line.startswith('    "')}
    assert named == set(recorded())


def test_two_exact_recordings_differ_in_the_first_event_that_is_another() -> None:
    one, other = Mark(2, 0.1, 0, "soup"), Mark(2, 0.1, 0, "salad")
    assert shapes.exact([one, one], [one, one]) == []
    assert "text='soup'" in shapes.exact([other, one], [other, other])[0]
    assert "nothing, was Mark" in shapes.exact([one], [one, other])[0]


def test_two_real_recordings_differ_in_kind_parent_or_outcome() -> None:
    kept = {"soup": ("task", "main", "returned"), "salad": ("branch", "main", "cancelled")}
    new = {"soup": ("branch", "roast", "raised"), "bread": ("task", "main", "returned")}
    assert shapes.by_shape(kept, kept) == []
    assert shapes.by_shape(new, kept) == [
        "bread is new",
        "salad is missing",
        "soup is a branch, was task",
        "soup is its outcome raised, was returned",
        "soup is spawned by roast, was main",
    ]
