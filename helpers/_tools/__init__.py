"""The tools round the course: the launcher and the build. Lessons use none of it."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
