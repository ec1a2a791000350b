"""What is written on the page can be read: WCAG 2's contrast of 4.5 in both themes, computed from the style sheet."""

import re

import pytest

from streams.serve.app import STATIC

STYLE = (STATIC / "style.css").read_text("utf-8")
THEMES = dict(zip(("light", "dark"), STYLE.split("prefers-color-scheme: dark"), strict=True))
TONES = ("good", "bad", "warn", "news", "logs", "user", "dim")
GROUNDS = ("panel", "bg", "soft", "hover", "warn-soft", "bad-soft")
WRITTEN = 0.65  # of the tone, the rest ink
ENOUGH = 4.5


def colours(theme):
    found = {}
    for name, value in re.findall(r"--([a-z-]+): #([0-9a-f]{6})", THEMES[theme]):
        found[name] = tuple(int(value[at : at + 2], 16) for at in (0, 2, 4))
    return found


def mixed(one, other, share):
    return tuple(share * a + (1 - share) * b for a, b in zip(one, other, strict=True))


def contrast(one, other):
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", THEMES)
def test_plain_text_can_be_read_on_every_ground(theme):
    of = colours(theme)
    for ground in GROUNDS:
        assert contrast(of["ink"], of[ground]) > ENOUGH
        assert contrast(of["dim"], of[ground]) > ENOUGH, ground
    assert contrast(of["panel"], of["news"]) > ENOUGH  # the chosen range


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tone", TONES)
def test_what_has_a_tone_can_be_read(theme, tone):
    assert "color: color-mix(in srgb, var(--tone) 65%, var(--ink))" in STYLE
    of = colours(theme)
    written = mixed(of[tone], of["ink"], WRITTEN)
    for ground in GROUNDS:
        assert contrast(written, of[ground]) > ENOUGH, ground
    firing = mixed(of[tone], mixed(of[tone], of["panel"], 0.07), 0.06)  # an alert that is pointed at
    for beneath in (of["panel"], of["soft"], firing):
        assert contrast(written, mixed(of[tone], beneath, 0.14)) > ENOUGH  # a badge
