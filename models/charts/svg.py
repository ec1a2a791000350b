"""What the plots share: colours that follow the reader's theme, and the few shapes that they are made of."""

from collections.abc import Iterable
from html import escape

_STYLE = """
svg { --paper: #ffffff; --ink: #1f2328; --dim: #59636e; --line: #d1d9e0; --good: #0969da; --bad: #bc4c00; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #f0f6fc; --dim: #9198a1; --line: #3d444d; --good: #4493f8; --bad: #f0883e; }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-weight: 600; font-size: 13px; }
.dim { fill: var(--dim); }
.small { font-size: 10px; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.line { stroke: var(--line); fill: none; }
.dash { stroke: var(--dim); stroke-dasharray: 4 4; }
.good { fill: var(--good); }
.bad { fill: var(--bad); }
.strong { fill: #ffffff; }
.whisker { stroke: var(--good); stroke-width: 1.5; }
"""


def picture(width: float, height: float, title: str, shapes: Iterable[str]) -> str:
    """A whole SVG; `title` is what is read out in its place."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
    lines = [
        f'{head} height="{height:.0f}" role="img" aria-label="{escape(title)}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="6" fill="var(--paper)"/>',
        *shapes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def text(x: float, y: float, said: str, *, kind: str = "", turned: float = 0) -> str:
    """Words that begin at (x, y), or end or have their middle there, as `kind` says; turned by so many degrees."""
    turn = f' transform="rotate({turned:g} {x:.1f} {y:.1f})"' if turned else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{turn}>{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str = "line") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def box(at: tuple[float, float], size: tuple[float, float], *, kind: str, strength: float = 1.0, says: str = "") -> str:
    """A filled rectangle; `says` is shown where a pointer rests on it."""
    (x, y), (wide, high) = at, size
    drawn = f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" class="{kind}"'
    return f'{drawn} fill-opacity="{strength:.2f}">' + (f"<title>{escape(says)}</title>" if says else "") + "</rect>"


def dot(x: float, y: float, radius: float, *, says: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="good"><title>{escape(says)}</title></circle>'
