"""The classifier: texts in, readings out. The only file of the running program that opens ONNX Runtime.

1. `classify` may be called from any thread; answers come in the order of the texts.
2. A text's reading is a function of the bundle and the text alone: neither its company nor the number of threads nor
   what was asked before changes a bit of it (see `packing` for the padding, `export.rows` for the arithmetic).
3. Equal texts within a call are inferred once; equal texts of later calls come from a bounded memory.
4. Tokenizer and session release the GIL. Each worker has a session of one thread: two of them beat one session of two
   threads by 1.6 to 2.6 times, and one that both share by 6%, at 45 MB each.
5. A bundle in fp16 runs on CUDA or not at all, unless it is asked for on the CPU: there it is right, and several times
   slower than int8. All others run on the CPU.
6. On CUDA there are two workers, each with a stream of its own: one tokenizes while the other's kernels run. How many
   tokens a run has is learnt from the card at the start.
"""

import contextlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models import budget, packing, registry
from models import manifest as manifests
from models.bound import Bound
from models.cache import AnswerCache, key_of
from models.errors import BundleError, NoCuda
from models.manifest import EXPORT, MODEL, TOKENIZER, Manifest, advice
from models.reading import Reading
from models.text import prepare
from models.workers import Workers

CHUNK = 32  # texts that a worker takes at once, at least
TEXT = 16  # tokens of a short text: of such as many as fit into one run are taken at once
LETTERS = 3_200  # characters that a worker takes at once, or one text: 32 headlines, or two articles
LETTERS_A_TOKEN = 4  # of English; where a run holds many texts, as on CUDA, a worker takes as many
STREAMS = 2  # on CUDA
DECIMALS = 6
HEADLINE = 32  # tokens
WARM_UP = ["a", "1 2"]  # two rows of one run, with padding: what each of them needs of the graph is tried
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
PROVIDERS = {CPU: "CPU", CUDA: "CUDA"}
CUDA_ONLY = "fp16"
WARNINGS, ERRORS, FATAL = 2, 3, 4  # levels of ONNX Runtime's logs
TYPES = {"tensor(int64)": "int64", "tensor(float)": "float32"}


class Classifier:
    """A loaded bundle, with a worker per core."""

    def __init__(
        self, manifest: Manifest, sessions: Sequence[Any], tokenizer: Tokenizer, *, cache: int, tokens: int | None
    ) -> None:
        self.manifest = manifest
        self.cache = AnswerCache(cache)
        self.threads = len(sessions)
        self._provider = sessions[0].get_providers
        self.tokenizer = tokenizer
        self._temperatures = [manifest.temperatures.get(head, 1.0) for head in manifest.labels]
        self._packed = struct.Struct(f"<I{sum(map(len, manifest.labels.values()))}d")
        on_cuda = self.device == "CUDA"
        self.tokens_a_run = tokens or packing.BUDGET
        most = budget.BUDGETS[-1] if on_cuda and tokens is None else self.tokens_a_run
        room = max(most, packing.padded(manifest.max_length))
        bounds = [Bound(session, manifest, tokens=room, pin=on_cuda) for session in sessions]
        self.pinned = all(bound.pinned for bound in bounds)
        self.tools = [partial(self._answers, bound) for bound in bounds]
        for tool in self.tools:
            _warm_up(tool, manifest)
        if on_cuda:
            if tokens is None:
                self.tokens_a_run = _learnt(bounds[0], manifest)
            for bound in bounds:
                _run_all_shapes(bound, manifest, tokens=self.tokens_a_run)
        self._workers = Workers(self.tools)

    @classmethod
    def load(
        cls,
        bundle: Path | None = None,
        *,
        threads: int | None = None,
        cache: int = 100_000,
        cpu: bool = False,
        tokens: int | None = None,
    ) -> Self:
        """Open a bundle: the one named, else the one in force (`registry.active`).

        Args:
            bundle: its folder, or `base` or `small`, the two that ship.
            threads: workers, one core each; as many as this process may use where None. At most two on CUDA.
            cache: how many answers are remembered; 0 for none.
            cpu: stay on the CPU with a bundle in fp16, too.
            tokens: of a run, at most, padding among them, or one text; where None 256 on the CPU, and on CUDA what
                the device is fastest with.

        Raises:
            NoCuda: it is in fp16 and no CUDA device answers; one line, as with all of them.
            BundleError: it is missing, damaged, or not what its manifest says.
        """
        folder = registry.resolved(bundle)
        manifest = manifests.read(folder)
        # Another bundle may take this one's place while its files are opened, each by its path, so the manifest has to
        # be the same afterwards. To open the bytes that were checked would need no second look, but ONNX Runtime keeps
        # them beside the weights that it makes of them, for as long as the session lives.
        try:
            sessions, tokenizer = _opened(folder, manifest, threads=threads, cpu=cpu)
        except BundleError:
            if manifests.read(folder) == manifest:
                raise
        else:
            if manifests.read(folder) == manifest:
                return cls(manifest, sessions, tokenizer, cache=cache, tokens=tokens)
        return cls.load(bundle, threads=threads, cache=cache, cpu=cpu, tokens=tokens)

    @property
    def device(self) -> str:
        """Where inference really runs, 'CPU' or 'CUDA': asked after the warm-up, since a fall-back raises nothing."""
        provider: str = self._provider()[0]
        return PROVIDERS.get(provider, provider)

    def classify(self, texts: Sequence[str], *, lane: str = "live", within_s: float | None = None) -> list[Reading]:
        """One reading a text, in order. Blocks, with the GIL released while it computes.

        Those who ask in different lanes share the workers: see `lanes`.

        Raises:
            Overdue: it took longer than `within_s`; what was not begun is not read.
        """
        keys = [key_of(text) for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        answers = self.cache.get(list(wanted))
        unknown = {key: text for key, text in wanted.items() if key not in answers}
        fresh = self._fresh(unknown, lane=lane, within_s=within_s)
        self.cache.put(fresh)
        answers |= fresh
        readings = {key: self._reading(answer) for key, answer in answers.items()}
        return [readings[key] for key in keys]

    def close(self) -> None:
        """End the workers. The classifier answers no more."""
        self._workers.close()

    def _fresh(self, wanted: dict[bytes, str], *, lane: str, within_s: float | None) -> dict[bytes, bytes]:
        """Infer what is not known: texts of like length together, the long ones first, so that no worker is late."""
        keys = sorted(wanted, key=lambda key: len(wanted[key]), reverse=True)
        size = min(max(CHUNK, self.tokens_a_run // TEXT), -(-len(keys) // self.threads))
        texts = [wanted[key] for key in keys]
        cut = packing.chunks([*map(len, texts)], most=size, letters=max(LETTERS, LETTERS_A_TOKEN * self.tokens_a_run))
        parts = self._workers.run([texts[some] for some in cut], lane=lane, within_s=within_s)
        return dict(zip(keys, (answer for part in parts for answer in part), strict=True))

    def _answers(self, bound: Bound, texts: list[str]) -> list[bytes]:
        """The packed answers of a chunk, on the calling thread."""
        encodings = self.tokenizer.encode_batch_fast([prepare(text) for text in texts])
        rows = [encoding.ids for encoding in encodings]
        answers = [b""] * len(rows)
        for length, positions in packing.runs([len(row) for row in rows], budget=self.tokens_a_run):
            logits = bound.run([rows[position] for position in positions], length)
            for position, probabilities in zip(positions, self._side_by_side(logits), strict=True):
                answers[position] = self._packed.pack(len(rows[position]), *probabilities)
        return answers

    def _side_by_side(self, logits: Sequence[NDArray[np.float32]]) -> list[list[float]]:
        """The probabilities of all heads, of each row."""
        shares = [_softmax(one, heat) for one, heat in zip(logits, self._temperatures, strict=True)]
        together: list[list[float]] = np.concatenate(shares, axis=1).tolist()
        return together

    def _reading(self, answer: bytes) -> Reading:
        tokens, *flat = self._packed.unpack(answer)
        probabilities, start = {}, 0
        for head, labels in self.manifest.labels.items():
            probabilities[head] = tuple(flat[start : start + len(labels)])
            start += len(labels)
        return Reading(probabilities, tokens)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    wide = logits.astype(np.float64) / temperature
    powers = np.exp(wide - wide.max(1, keepdims=True))
    shares: NDArray[np.float64] = np.round(powers / powers.sum(1, keepdims=True), DECIMALS)
    return shares


def _opened(folder: Path, manifest: Manifest, *, threads: int | None, cpu: bool) -> tuple[list[Any], Tokenizer]:
    """A session for each worker, and the tokenizer that they share."""
    cuda = manifest.precision == CUDA_ONLY and not cpu
    count = min(threads or STREAMS, STREAMS) if cuda else threads or cores()
    sessions = [_session(folder, cuda=cuda) for _ in range(count)]
    _check(sessions[0], manifest, folder)
    return sessions, _tokenizer(folder, manifest)


def _warm_up(tool: Callable[[list[str]], Any], manifest: Manifest) -> None:
    try:
        tool(WARM_UP)
    except Exception as error:  # ONNX Runtime has no public base class of its own
        msg = f"bundle {manifest.name}: {MODEL} reads no text ({_first_line(error)}): {EXPORT}"
        raise BundleError(msg) from error


def _learnt(bound: Bound, manifest: Manifest) -> int:
    """The tokens of a run that the device is fastest with, of texts of a headline's length."""
    length = packing.padded(min(HEADLINE, manifest.max_length))
    return budget.learnt(lambda tokens: _run(bound, manifest, rows=tokens // length, length=length))


def _run_all_shapes(bound: Bound, manifest: Manifest, *, tokens: int) -> None:
    """Full runs of short texts, of texts twice as long, and so on: a GPU loads kernels and takes memory by shape."""
    length = packing.STEP
    while length <= manifest.max_length:
        _run(bound, manifest, rows=max(1, tokens // length), length=length)
        length *= 2


def _run(bound: Bound, manifest: Manifest, *, rows: int, length: int) -> None:
    bound.run([[manifest.pad] * length] * rows, length)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _session(folder: Path, *, cuda: bool) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL if cuda else ERRORS  # what becomes of CUDA is said below, in one line
    try:
        with _logging(FATAL if cuda else WARNINGS):
            session = ort.InferenceSession(folder / MODEL, options, providers=_providers(cuda=cuda))
    except Exception as error:  # ONNX Runtime has no public base class of its own
        msg = f"bundle {folder}: {MODEL} cannot be opened ({_first_line(error)}): {advice(folder)}"
        raise BundleError(msg) from error
    if cuda and session.get_providers()[0] != CUDA:  # it falls back without a word
        msg = f"bundle {folder} is in fp16, for CUDA, and no CUDA device answers here: use one in int8"
        raise NoCuda(msg)
    return session


@contextlib.contextmanager
def _logging(least: int) -> Iterator[None]:
    """What providers say while they are made goes to ONNX Runtime's own logger, whatever a session's is set to."""
    ort.set_default_logger_severity(least)
    try:
        yield
    finally:
        ort.set_default_logger_severity(WARNINGS)


def _providers(*, cuda: bool) -> list[str]:
    if not cuda:
        return [CPU]
    with contextlib.redirect_stdout(None):  # it prints every library that it does not find
        ort.preload_dlls()
    return [CUDA, CPU] if CUDA in ort.get_available_providers() else [CPU]


def _tokenizer(folder: Path, manifest: Manifest) -> Tokenizer:
    # A worker tokenizes on its own thread; the library's own pool would only get in the others' way.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        tokenizer.no_padding()
        tokenizer.enable_truncation(manifest.max_length)
    except Exception as error:  # tokenizers raises bare Exception
        msg = f"bundle {folder}: {TOKENIZER} cannot be read ({error}): {advice(folder)}"
        raise BundleError(msg) from error
    return tokenizer


def _check(session: Any, manifest: Manifest, folder: Path) -> None:
    """The graph's own inputs and outputs are the manifest's: names, types, shapes."""
    for side, found, expected in (
        ("inputs", session.get_inputs(), manifest.inputs),
        ("outputs", session.get_outputs(), manifest.outputs),
    ):
        has = [(one.name, TYPES.get(one.type, one.type), _sizes(one.shape)) for one in found]
        says = [(one.name, one.dtype, _sizes(one.shape)) for one in expected]
        if sorted(has) != sorted(says):
            other, wanted = ([one for one in these if one not in those] for these, those in ((has, says), (says, has)))
            msg = f"bundle {folder}: the graph's {side} are {other}, its manifest says {wanted}: {advice(folder)}"
            raise BundleError(msg)


def _sizes(shape: Sequence[int | str | None]) -> str:
    """A shape, such as *×3: one may call what varies by any name."""
    return "×".join(str(size) if isinstance(size, int) else "*" for size in shape)
