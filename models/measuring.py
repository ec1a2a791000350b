"""What `pulsewire evaluate` does: one bundle or two on the same rows, told as table, JSON or page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, ClassVar

import msgspec

from models import evaluation, page
from models.comparison import Difference, compare
from models.console import Report
from models.datasets.dataset import Dataset
from models.errors import ReportError
from models.evaluation import Asked, SetReport
from models.manifest import Manifest
from models.runtime import Classifier


class Measured(msgspec.Struct, frozen=True):
    """A bundle's figures, and what they are against another's."""

    COLUMNS: ClassVar = ("set", "head", "rows", "accuracy", "macro-F1", "ECE", "AUC", "tokens", "texts/s")
    COMPARED: ClassVar = ("set", "figure", "first", "second", "difference", "95% of it")

    manifest: Manifest
    device: str
    threads: int
    reports: list[SetReport]
    against: str = ""
    differences: list[Difference] = []

    @property
    def title(self) -> str:
        return f"{self.manifest.name} on {self.ran_on}"

    @property
    def ran_on(self) -> str:
        return f"{self.device}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def rows(self) -> list[tuple[str, ...]]:
        """The cells of `COLUMNS`."""
        return [
            (one.name, one.head, f"{one.rows:,}", f"{one.accuracy:.3f}", f"{one.macro_f1:.3f}", f"{one.ece:.3f}",
             "" if one.auc is None else f"{one.auc:.3f}", f"{one.tokens:.0f}", f"{one.texts_per_s:,.0f}")
            for one in self.reports
        ]  # fmt: skip

    def compared(self) -> list[tuple[str, ...]]:
        """The cells of `COMPARED`."""
        return [
            (one.name, one.metric, f"{one.first:.3f}", f"{one.second:.3f}", f"{one.first - one.second:+.3f}",
             f"{one.low:+.3f} to {one.high:+.3f}")
            for one in self.differences
        ]  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        made: dict[str, Any] = {"bundle": self.manifest.name, "device": self.device, "threads": self.threads}
        made |= {"sets": self.reports}
        return made | {"against": self.against, "differences": self.differences} if self.against else made


def measure(
    bundle: Path | None,
    against: Path | None,
    sets: Sequence[Dataset],
    data: Path,
    *,
    limit: int | None,
    threads: int | None,
    report: Report,
) -> Measured:
    """The figures of a bundle, the one in force where none is named; `ModelError` when something cannot be read."""
    first, asked = _asked(bundle, sets, data, limit=limit, threads=threads, report=report)
    found = Measured(
        first.manifest, first.device, first.threads, [evaluation.figures(one, first.manifest) for one in asked]
    )
    if against is None:
        return found
    second, others = _asked(against, sets, data, limit=limit, threads=threads, report=report)
    return msgspec.structs.replace(found, against=second.manifest.name, differences=compare(asked, others))


def _asked(
    bundle: Path | None, sets: Sequence[Dataset], data: Path, *, limit: int | None, threads: int | None, report: Report
) -> tuple[Classifier, list[Asked]]:
    classifier = Classifier.load(bundle, threads=threads, cache=0)
    try:
        return classifier, evaluation.ask(classifier, sets, data, limit=limit, report=report)
    finally:
        classifier.close()


def require_place(path: Path) -> None:
    """Make the folder of a page's plots; `ReportError` where page or plots could not be written, before they are due.

    A page that is there stays as it is.
    """
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        path.open("ab").close()
        if new:
            path.unlink()
        plots = _plots(path)
        plots.mkdir(exist_ok=True)
        with TemporaryFile(dir=plots):
            pass


def write(path: Path, found: Measured) -> None:
    """The page, and its plots in the folder STEM-plots beside it; `ReportError` where they cannot be written.

    Plots that an earlier page left there make way.
    """
    plots, pictures = _plots(path), page.pictures(found.reports)
    text = page.page(
        found.manifest, found.reports, found.differences,
        against=found.against, plots=plots.name, ran_on=found.ran_on,
    )  # fmt: skip
    with _writing(path):
        plots.mkdir(parents=True, exist_ok=True)
        for old in (old for old in plots.iterdir() if page.is_picture(old.name)):
            old.unlink()
        for name, picture in pictures.items():
            (plots / name).write_text(picture, "utf-8")
        path.write_text(text, "utf-8")


def _plots(path: Path) -> Path:
    return path.parent / f"{path.stem}-plots"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{path} cannot be written ({error.strerror}): name another file with --markdown"
        raise ReportError(msg) from error
