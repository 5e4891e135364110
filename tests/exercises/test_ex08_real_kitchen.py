"""Answers to the exercises of lesson 08 that people give, and what each is told."""

from __future__ import annotations

SURVIVES: dict[tuple[str, str], str] = {}
