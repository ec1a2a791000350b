"""`pulsewire classify`: texts in, what the model finds in them out, a line for a line."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from streams.cli.output import say
from streams.topology import Kind

if TYPE_CHECKING:
    from streams.adapters.reader import Blocking

BOM: Final = b"\xef\xbb\xbf"
SHOWN: Final = 20  # complaints about single lines; the last line counts all of them


def classify(
    file: Annotated[str, typer.Argument(help="A file, or - for standard input.", metavar="FILE|-")] = "-",
    kind: Annotated[Kind, typer.Option(help="What the lines are; log lines are read by their template.")] = "news",
    bundle: Annotated[Path | None, typer.Option(help="base, small or a folder; else the one in force.")] = None,
) -> None:
    """Read texts with the model: one JSON object, or plain text, a line in; one JSON a line out, in the same order.

    A JSON object holds "text", or "title" and "body" (news), or "message" (logs). A line that cannot be read is
    answered by {"error", "line"}, and the command ends with exit code 1.
    """
    from models.errors import ModelError
    from models.runtime import Classifier
    from streams.errors import PulsewireError
    from streams.settings import load_settings

    settings = load_settings(bundle=bundle)
    with _opened(file) as fd:
        try:
            classifier = Classifier.load(settings.bundle, threads=settings.threads)
        except ModelError as error:
            raise PulsewireError(str(error)) from error
        try:
            run(fd, classifier, kind=kind, out=sys.stdout.buffer)
        finally:
            classifier.close()


def run(fd: int, classifier: "Blocking", *, kind: Kind, out: BinaryIO) -> None:
    """Answer every line of an open file.

    Raises:
        PulsewireError: some lines could not be read; all others were answered.
    """
    from streams.adapters.lines import readable_lines
    from streams.errors import PulsewireError

    complaints = Complaints()
    done = 0
    with _progress(fd) as advance:
        for lines in readable_lines(fd):
            out.writelines(_answers(lines, classifier, kind=kind, before=done, complain=complaints.add))
            out.flush()
            done += len(lines)
            advance(len(lines))
    if complaints.count:
        raise PulsewireError(f"{complaints.count:,} of {done:,} lines could not be read; the first: {complaints.first}")


class Complaints:
    """What was wrong with lines: counted, the first few said at once."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""

    def add(self, number: int, why: str) -> None:
        """Say it, unless too many were said already."""
        self.count += 1
        line = f"line {number:,}: {why}"
        self.first = self.first or line
        if self.count <= SHOWN:
            say(line)
        elif self.count == SHOWN + 1:
            say("more lines cannot be read; they are counted")


def _answers(
    lines: Sequence[bytes | None],
    classifier: "Blocking",
    *,
    kind: Kind,
    before: int,
    complain: Callable[[int, str], None],
) -> Iterator[bytes]:
    import msgspec

    from streams.core.event import Rejected
    from streams.core.question import answer, question_of

    too_long = Rejected("too_large", "it is too long")
    asked = [
        too_long if line is None else question_of(line.removeprefix(BOM) if number == 1 else line, kind=kind)
        for number, line in enumerate(lines, before + 1)
    ]
    texts = [one.to_read for one in asked if not isinstance(one, Rejected)]
    readings = iter(classifier.classify(texts) if texts else ())
    manifest = classifier.manifest
    labels = {head: manifest.labels[head] for head in manifest.heads_for(kind)}
    for number, one in enumerate(asked, before + 1):
        if isinstance(one, Rejected):
            complain(number, one.detail)
            answered: dict[str, Any] = {"error": one.detail, "code": one.code, "line": number}
        else:
            answered = answer(one, next(readings), labels=labels, model=manifest.name)
        yield msgspec.json.encode(answered) + b"\n"


@contextmanager
def _opened(file: str) -> Iterator[int]:
    from streams.errors import PulsewireError

    if file == "-":
        if sys.stdin.isatty():
            say("reading from the keyboard: a text a line; Ctrl-D ends")
        yield sys.stdin.fileno()
        return
    try:
        fd = os.open(file, os.O_RDONLY)
    except OSError as error:
        raise PulsewireError(f"{file} cannot be read: {error.strerror}") from None
    try:
        yield fd
    except IsADirectoryError:
        raise PulsewireError(f"{file} cannot be read: it is a folder") from None
    finally:
        os.close(fd)


@contextmanager
def _progress(fd: int) -> Iterator[Callable[[int], None]]:
    """How far it is, unless the answers themselves scroll by on the same terminal."""
    from streams.cli.progress import progress

    if sys.stderr.isatty() and sys.stdout.isatty():
        yield lambda _count: None
        return
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode):
        with progress("lines", total=status.st_size, done=lambda: os.lseek(fd, 0, os.SEEK_CUR)) as advance:
            yield advance
    else:
        with progress("lines", total=None) as advance:
            yield advance
