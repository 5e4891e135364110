"""The tools round the course: the launcher and the build. Lessons use none of it."""

from helpers.environment import COURSE as PROJECT

__all__ = ["PROJECT"]
