"""The colours, computed: contrast on either page, and distance for eyes that see fewer colours."""

from __future__ import annotations

import itertools

import pytest

from helpers.draw import theme
from helpers.draw.theme import CARD, EVENT, ON_CARD, OUTCOMES, STATES, TEXT, strong
from helpers.trace import Outcome, TaskState

Colour = tuple[float, float, float]
PAGES = {"light": "#ffffff", "dark": "#111111"}  # JupyterLab's grounds

# How a dichromat sees a colour in linear light: Machado, Oliveira and Fernandes, "A
# physiologically-based model for simulation of color vision deficiency" (2009), severity 1.0.
EYES = {
    "all colours": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red (protanopia)": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green (deuteranopia)": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue (tritanopia)": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "no colour": ((0.2126, 0.7152, 0.0722),) * 3,
}


def linear(colour: str) -> Colour:
    """Linear light of "#rrggbb", each channel from 0 to 1."""
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))

    def one(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return one(red), one(green), one(blue)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio, from 1 to 21."""

    def luminance(colour: str) -> float:
        red, green, blue = linear(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: Colour) -> Colour:
    """CIE L*a*b* of linear light (D65)."""
    red, green, blue = colour
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089

    def f(t: float) -> float:
        return t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116

    return 116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))


def distance(one: str, other: str, eye: str) -> float:
    """How far apart two colours are to an eye: the distance in L*a*b*. 2.3 is just noticeable."""

    def seen(colour: str) -> Colour:
        light = linear(colour)
        rows = (sum(a * b for a, b in zip(row, light, strict=True)) for row in EYES[eye])
        red, green, blue = (min(1.0, max(0.0, value)) for value in rows)
        return lab((red, green, blue))

    pairs = zip(seen(one), seen(other), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def test_the_measures_agree_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert distance("#ffffff", "#000000", "all colours") == pytest.approx(100, abs=0.1)
    assert distance("#ff0000", "#00ff00", "all colours") > 150
    # Red and a dark olive are one colour without the sense for red.
    red, olive = "#c00000", "#3f3f00"
    assert distance(red, olive, "no red (protanopia)") < distance(red, olive, "all colours") / 3


def seen(state: TaskState, page: str) -> str:
    """The colour of a state as it is seen on a page: some let the page shine through."""
    colour = STATES[state].colour
    if not colour.startswith("rgba"):
        return colour
    *channels, alpha = map(float, colour[5:-1].split(","))
    ground = (int(page[n : n + 2], 16) for n in (1, 3, 5))
    mixed = (alpha * own + (1 - alpha) * of for own, of in zip(channels, ground, strict=True))
    return "#" + "".join(f"{round(value):02x}" for value in mixed)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(STATES, 2)))
def test_any_eye_tells_two_states_apart_by_their_colour_alone(
    eye: str, one: TaskState, other: TaskState, page: str
) -> None:
    far = 12 if eye == "no colour" else 30
    assert distance(seen(one, page), seen(other, page), eye) > far


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("state", STATES)
def test_any_eye_sees_a_bar_on_the_page(state: TaskState, eye: str, page: str) -> None:
    assert distance(seen(state, page), page, eye) > 18


def test_scheduled_stands_out_from_idle_by_colour_pattern_and_height() -> None:
    scheduled, idle = STATES[TaskState.SCHEDULED], STATES[TaskState.IDLE]
    for page in PAGES.values():
        pair = seen(TaskState.SCHEDULED, page), seen(TaskState.IDLE, page)
        assert distance(*pair, "all colours") > 60
    assert scheduled.pattern
    assert contrast(scheduled.colour, theme.STRIPES) > 2
    assert not idle.pattern
    assert scheduled.height > 2 * idle.height


def test_each_state_has_a_look_that_needs_no_colour() -> None:
    looks = [(look.pattern, look.height) for look in STATES.values()]
    assert len(set(looks)) == len(looks)
    assert len({look.letter for look in STATES.values()} | {theme.TICK_LETTER}) == 4
    assert len({look.words for look in STATES.values()}) == 3
    signs = [look.sign for look in STATES.values()] + [mark.sign for mark in OUTCOMES.values()]
    assert len({*signs, EVENT.sign}) == 8


def test_each_outcome_has_a_symbol_a_colour_and_a_word_of_its_own() -> None:
    assert set(OUTCOMES) == set(Outcome)
    for field in range(4):
        assert len({mark[field] for mark in OUTCOMES.values()}) == len(Outcome)
    for mark in OUTCOMES.values():
        assert all(contrast(mark.colour, page) > 3 for page in PAGES.values())


def test_a_figure_has_no_ground_of_its_own_so_that_it_is_as_light_or_dark_as_its_page() -> None:
    layout = theme.TEMPLATE["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert layout["font"]["color"] == TEXT
    for page in PAGES.values():
        assert contrast(TEXT, page) > 4.3  # no colour is further from both
        assert contrast(EVENT.colour, page) > 3.7
    label = layout["hoverlabel"]
    assert contrast(label["font"]["color"], label["bgcolor"]) > 7
    assert (label["font"]["color"], label["bgcolor"]) == (ON_CARD, CARD)


def test_words_that_must_be_read_are_in_the_page_s_own_colour_where_it_has_one() -> None:
    assert "color:var(--jp-content-font-color1," in strong("soup")
    assert f",{TEXT}))" in strong("soup")
    assert strong("soup").endswith(">soup</span>")


def test_there_is_no_toolbar_and_nothing_to_upload_with() -> None:
    assert theme.CONFIG["displayModeBar"] is False
    assert theme.CONFIG["doubleClick"] == "reset"
