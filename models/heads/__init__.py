"""The heads that Pulsewire trains: one TOML file each in this folder. A file more is a head more.

1. Training, export, manifest, runtime and evaluation take their heads from here or from what was made of it: none of
   them names a head.
2. `order` is the place of the head's output; labels are numbered as they stand.
3. A file that is not of this shape is refused by name.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

from models.errors import HeadError
from models.labels import KINDS, SPEAKS

HERE = Path(__file__).parent
METRICS = ("macro_f1", "accuracy")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# What answers call something else, and what graphs do: an output of theirs is called as its head. The names of the
# bundles that ship cannot be changed any more, and `pulsewire unpack` goes by them.
_ANSWERS = frozenset({"text", "model", "sentiment_score"})
_GRAPHS = frozenset(
    {"input_ids", "attention_mask", "words", "words_q", "words_s", "positions", "first", "axis", "one", "last"}
    | {"embedding_norm_weight", "embedding_norm_bias", "middle", "heads", "heads_bias", "label_counts"}
    | {"depths", "features"}
)
_NUMBERED = re.compile(r"(depth|graft_axis|least|per|shape|width|zero_points?)_m?\d.*")


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cross-entropy; `smoothing` is the share of a row's truth that is spread over all labels."""

    smoothing: float = 0.0


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By which figure runs are compared, and how often a reading that is called sure has to be right."""

    metric: str = "macro_f1"
    sure: float = 0.95
    high: tuple[str, ...] = ()  # labels that are told apart from `low` by their share alone (ROC AUC)
    low: tuple[str, ...] = ()


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One head as declared: the names of its data sets, the kinds of events that it answers for, its labels."""

    labels: dict[str, str]  # each with a description
    order: int = 100
    sets: tuple[str, ...] = ()
    kinds: tuple[str, ...] = SPEAKS
    loss: Loss = Loss()
    choice: Choice = Choice()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.labels)


def require_name(name: str) -> None:
    """`HeadError` for a name that no head may have."""
    if not _NAME.fullmatch(name):
        msg = f"a head cannot be called {name!r}: take small letters, digits and _, such as desk"
        raise HeadError(msg)
    if name in _ANSWERS | _GRAPHS or _NUMBERED.fullmatch(name):
        msg = f"a head cannot be called {name!r}, as something else of the model is: take another name, such as desk"
        raise HeadError(msg)


def read(path: Path) -> Head:
    """The head that a file declares; `HeadError` with one line when it declares none."""
    try:
        head = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Head)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        msg = f"{path} declares no head ({error}): see docs/models/heads.md"
        raise HeadError(msg) from error
    require_name(path.stem)
    for complaint in _complaints(head):
        msg = f"{path}: {complaint}"
        raise HeadError(msg)
    return head


def _complaints(head: Head) -> Sequence[str]:
    found = []
    if len(head.labels) < 2:
        found.append("a head needs two labels or more")
    if bare := [name for name in head.labels if not name or name != name.strip()]:
        found.append(f"the label {bare[0]!r} is empty, or has spaces around it")
    if head.choice.metric not in METRICS:
        found.append(f"metric {head.choice.metric!r} is none of {', '.join(METRICS)}")
    if not 0 <= head.loss.smoothing < 1 or not 0 < head.choice.sure <= 1:
        found.append("smoothing lies in [0, 1) and sure in (0, 1]")
    if not head.kinds:
        found.append(f"kinds names none: an event is one of {', '.join(KINDS)}")
    if unknown := sorted(set(head.kinds) - set(KINDS)):
        found.append(f"kinds names {', '.join(unknown)}: an event is one of {', '.join(KINDS)}")
    if strange := sorted({*head.choice.high, *head.choice.low} - set(head.labels)):
        found.append(f"{', '.join(strange)} is none of its labels")
    return found


@cache
def declared(folder: Path = HERE) -> dict[str, Head]:
    """Every head of the folder by its file's name, in the order of the outputs."""
    heads = {path.stem: read(path) for path in folder.glob("*.toml")}
    return dict(sorted(heads.items(), key=lambda item: (item[1].order, item[0])))


def labels(heads: dict[str, Head] | None = None) -> dict[str, tuple[str, ...]]:
    """The labels of each head, in the order of its outputs."""
    return {name: head.names for name, head in (heads or declared()).items()}
