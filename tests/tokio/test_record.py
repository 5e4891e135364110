"""Recording real Tokio again: what the one command compares, keeps and says."""

from __future__ import annotations

import gzip
import re
import tomllib
from pathlib import Path

import pytest

from helpers.tokio import DATA
from tests.tokio import record

EXACT, REAL = "select.current_thread_paused", "select.multi_thread_2"
Captured = pytest.CaptureFixture[str]


def text_of(name: str) -> str:
    return gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).decode()


class FakeRecorder:
    """Stands in for the built program: answers with the recordings that are kept."""

    def __init__(self) -> None:
        self.instead: dict[str, str] = {}
        self.asked: list[str] = []

    def __call__(self, program: Path, *arguments: str) -> str:
        if not arguments:
            return "".join(f"{name.replace('.', ' ')}\n" for name in (EXACT, REAL))
        name = ".".join(arguments)
        self.asked.append(name)
        return self.instead.get(name) or text_of(name)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> FakeRecorder:
    fake = FakeRecorder()
    monkeypatch.setattr(record, "build", lambda *, debian: Path("recorder"))
    monkeypatch.setattr(record, "output", fake)
    return fake


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder with one recording in it."""
    monkeypatch.setattr(record, "DATA", tmp_path)
    (tmp_path / "old.current_thread.jsonl.gz").write_bytes(b"")
    return tmp_path


def test_a_check_of_the_same_recordings_finds_nothing(
    recorder: FakeRecorder, capsys: Captured
) -> None:
    assert record.main(["--check"]) == 0
    assert capsys.readouterr().out == "2 recordings compared, nothing wrong\n"


def test_a_check_says_which_event_is_another_on_the_virtual_clock(
    recorder: FakeRecorder, capsys: Captured
) -> None:
    recorder.instead[EXACT] = text_of(EXACT).replace("0.1,", "0.11,").replace("0.1}", "0.11}")
    assert record.main(["--check"]) == 1
    assert f"{EXACT}.jsonl.gz: it is no longer the same: {{'event'" in capsys.readouterr().err
    assert recorder.asked.count(EXACT) == 1  # exact: trying again would change nothing


def test_another_tokio_may_do_the_same_otherwise(recorder: FakeRecorder) -> None:
    recorder.instead[EXACT] = text_of(EXACT).replace('"by":"timer"', '"by":"io"')
    assert record.main(["--check"]) == 1
    newer = re.sub(r'"tokio":"[^"]+"', '"tokio":"9.99.0"', recorder.instead[EXACT])
    recorder.instead[EXACT] = newer
    assert record.main(["--check"]) == 0


def test_a_check_tries_a_real_clock_again_before_it_complains(
    recorder: FakeRecorder, capsys: Captured
) -> None:
    recorder.instead[REAL] = text_of(REAL).replace(
        '"task":1,"name":"database"', '"task":1,"name":"db"'
    )
    assert record.main(["--check"]) == 1
    said = capsys.readouterr().err
    assert "only one of the two has db, branch, child of main, cancelled" in said
    assert "only one of the two has database, branch, child of main, cancelled" in said
    assert recorder.asked.count(REAL) == record.TRIES


def test_a_recording_that_breaks_a_fact_is_not_kept(
    recorder: FakeRecorder, data: Path, capsys: Captured
) -> None:
    recorder.instead[EXACT] = text_of(EXACT).replace("cache won", "database won")
    assert record.main([]) == 1
    assert '_marks(trace) == ["cache won"]' in capsys.readouterr().err
    assert [path.name for path in data.iterdir()] == ["old.current_thread.jsonl.gz"]


def test_recording_all_replaces_what_was_kept(recorder: FakeRecorder, data: Path) -> None:
    assert record.main([]) == 0
    assert sorted(p.name for p in data.iterdir()) == [f"{EXACT}.jsonl.gz", f"{REAL}.jsonl.gz"]
    assert gzip.decompress((data / f"{REAL}.jsonl.gz").read_bytes()).decode() == text_of(REAL)


def test_recording_some_leaves_the_others(recorder: FakeRecorder, data: Path) -> None:
    assert record.main(["--only", "select"]) == 0
    assert len(list(data.iterdir())) == 3


def test_too_big_a_recording_is_not_kept(
    recorder: FakeRecorder, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(record, "MAX_FILE", 100)
    assert record.main([]) == 1
    assert "at most 100 are kept" in capsys.readouterr().err
    monkeypatch.setattr(record, "MAX_FILE", 1000)
    monkeypatch.setattr(record, "MAX_ALL", 300)
    assert record.main([]) == 1
    assert "all recordings take" in capsys.readouterr().err
    assert len(list(data.iterdir())) == 1


def test_a_check_keeps_nothing_and_so_minds_no_size(
    recorder: FakeRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MAX_FILE", 100)  # a busy machine's recording is a longer one
    assert record.main(["--check"]) == 0


def test_an_unknown_program_is_refused_by_name(recorder: FakeRecorder, capsys: Captured) -> None:
    assert record.main(["--only", "brunch"]) == 2
    assert "there is no program named brunch" in capsys.readouterr().err


def test_the_command_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("PATH", "")
    assert record.main([]) == 2
    assert "recording needs Rust's cargo" in capsys.readouterr().err
    monkeypatch.setattr("shutil.which", lambda name: name)
    assert record.main(["--debian"]) == 2
    assert "apt-get install -y --no-install-recommends librust-tokio" in capsys.readouterr().err


def test_debians_crates_are_read_only_when_they_are_asked_for() -> None:
    config = tomllib.loads((record.RECORDER / "debian.toml").read_text(encoding="utf-8"))
    replacement = config["source"]["crates-io"]["replace-with"]
    assert Path(config["source"][replacement]["directory"]).is_absolute()
    assert config["net"]["offline"] is True
    assert not (record.RECORDER / ".cargo").exists()  # what cargo would read by itself
