"""A run beside its recording: both in one picture, and a verdict in words on what differs and why.

    compare(trace, recording) -> Comparison

`pairs` finds which lanes are the same job, `steps` and `agree` compare them, `rules` and `team` say
which differences follow from the two runtimes (`kinds`), and `case` is what they all look at.
"""

from helpers.comparison.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
