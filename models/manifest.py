"""A bundle's contract with itself: what is in it, what goes in, what comes out, and what it was made of.

    bundle/
        model.onnx        int64 input_ids and attention_mask in, one float output of logits per head
        tokenizer.json
        manifest.json     this

A bundle is used only when all of it fits:

1. the manifest is of a format that this program knows, and its texts are normalised as this program does it;
2. every file has the size and the sha256 that the manifest gives;
3. there is one output per head, as wide as the head has labels, and no label stands twice;
4. `sentiment` and `severity` have the labels that the topics and tables promise;
5. temperatures, thresholds and kinds are those of heads that it has;
6. its name is one that a folder and a line of the registry's history can have;
7. the graph's own inputs and outputs are those of the manifest, and it reads a text (the runtime checks it, it alone
   opens the graph).
"""

import hashlib
import re
import time
from pathlib import Path

import msgspec

from models import places
from models.errors import BundleError
from models.heads import declared
from models.labels import KINDS, SENTIMENT, SEVERITY, SPEAKS
from models.text import NORMALIZATION

FORMAT = 1
MANIFEST = "manifest.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
NAME = re.compile(r"\w[\w.-]{0,99}")
PROMISED = {"sentiment": SENTIMENT, "severity": SEVERITY}
SPECIAL_TOKENS = 2  # of every text, beside its own
SWAP_S = 0.1  # far longer than a bundle is away while another takes its place
HISTORY = "history"  # lies beside the bundles that were promoted: see `registry`
EXPORT = "export it again, or name another, such as base, which comes with the program"


class TensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input or output of the graph; a name in the shape is a dimension that varies."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    size: int  # bytes


class DataRecord(msgspec.Struct, frozen=True):
    """A set as it was used: rows seen in an epoch (with repetition), and rows held out."""

    name: str
    head: str
    licence: str
    source: str
    train_rows: int
    test_rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is to be known of a bundle without opening its graph."""

    format: int
    name: str
    created: str  # RFC 3339
    base: str
    base_licence: str
    code: str  # version of this program that made it
    precision: str
    labels: dict[str, tuple[str, ...]]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    normalization: str
    max_length: int  # tokens, the two special ones included
    pad: int  # the id that fills up short texts
    files: dict[str, FileRecord]
    data: tuple[DataRecord, ...] = ()
    recipe: dict[str, float] = {}
    metrics: dict[str, dict[str, float]] = {}
    temperatures: dict[str, float] = {}  # head -> what its logits are divided by; 1 where it is not named
    sure: dict[str, float] = {}  # head -> the least share of the first label with which an answer counts as sure
    kinds: dict[str, tuple[str, ...]] = {}  # head -> the kinds of events that it answers for

    def heads_for(self, kind: str) -> tuple[str, ...]:
        """The heads that answer for this kind of event; a bundle that does not say has them as they are declared."""
        return tuple(head for head in self.labels if kind in self._kinds_of(head))

    def _kinds_of(self, head: str) -> tuple[str, ...]:
        if head in self.kinds:
            return self.kinds[head]
        known = declared().get(head)
        return known.kinds if known else SPEAKS


def advice(folder: Path) -> str:
    """What to do where the bundle in this folder is damaged: of none but a promoted one is there one before."""
    if folder.resolve().parent == Path(__file__).resolve().parent:
        return "it came with the program, so install that again"
    if places.place("bundle") is None and (folder.parent / HISTORY).is_file():
        return "put the one before it in force with `pulsewire bundle rollback`, or promote it again"
    return EXPORT


def inputs() -> tuple[TensorSpec, ...]:
    """What every bundle takes."""
    return tuple(TensorSpec(name, "int64", ("batch", "tokens")) for name in ("input_ids", "attention_mask"))


def outputs(labels: dict[str, tuple[str, ...]]) -> tuple[TensorSpec, ...]:
    """What a bundle with these heads gives."""
    return tuple(TensorSpec(head, "float32", ("batch", len(names))) for head, names in labels.items())


def record(path: Path) -> FileRecord:
    """Size and sha256 of a file as it is now."""
    content = path.read_bytes()
    return FileRecord(hashlib.sha256(content).hexdigest(), len(content))


def read(folder: Path) -> Manifest:
    """The manifest of a bundle whose every file was checked; `BundleError` with one line when anything is off.

    One that is being replaced (see `publish`) is not there for a moment, or half old and half new to who is reading it:
    what is off has to be so at a second look.
    """
    try:
        return _read(folder)
    except BundleError:
        time.sleep(SWAP_S)
        return _read(folder)


def _read(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        msg = f"there is no bundle in {folder}: name a folder that `pulsewire export` wrote"
        raise BundleError(msg) from None
    except (OSError, msgspec.MsgspecError) as error:
        msg = f"{folder / MANIFEST} cannot be read ({error}): {advice(folder)}"
        raise BundleError(msg) from error
    for complaint in (*_contract(manifest), *_files(folder, manifest)):
        msg = f"bundle {folder}: {complaint}: {advice(folder)}"
        raise BundleError(msg)
    return manifest


def _contract(manifest: Manifest) -> list[str]:
    complaints = []
    if manifest.format != FORMAT:
        complaints.append(f"format {manifest.format} is not {FORMAT}, the one that this version reads")
    if not NAME.fullmatch(manifest.name):
        complaints.append(f"its name is {manifest.name!r}, not letters, digits, '.', '_' and '-' alone")
    if manifest.normalization != NORMALIZATION:
        complaints.append(f"its texts are normalised by rule {manifest.normalization!r}, here it is {NORMALIZATION!r}")
    if manifest.max_length <= SPECIAL_TOKENS or manifest.pad < 0:
        complaints.append(f"its max_length is {manifest.max_length} and its pad {manifest.pad}, which no text can have")
    if manifest.inputs != inputs():
        complaints.append(f"its inputs are {_names(manifest.inputs)}, not {_names(inputs())}")
    if manifest.outputs != outputs(manifest.labels):
        complaints.append("its outputs do not fit the labels of its heads")
    complaints += [
        f"its {name} of head {head} is {value}"
        for name, values, most in (("temperature", manifest.temperatures, 100), ("sure", manifest.sure, 1))
        for head, value in values.items()
        if head not in manifest.labels or not 0 < value <= most
    ]
    complaints += [
        f"its head {head} answers for {', '.join(kinds) or 'nothing'}"
        for head, kinds in manifest.kinds.items()
        if head not in manifest.labels or not set(kinds) <= set(KINDS)
    ]
    return complaints + _labels(manifest.labels)


def _labels(labels: dict[str, tuple[str, ...]]) -> list[str]:
    complaints = [f"head {head} names a label twice" for head, names in labels.items() if len(set(names)) < len(names)]
    complaints += [
        f"head {head} has the labels {labels.get(head, ())}, not {names}"
        for head, names in PROMISED.items()
        if labels.get(head) != names
    ]
    return complaints


def _files(folder: Path, manifest: Manifest) -> list[str]:
    complaints = [f"its manifest lists no {name}" for name in (MODEL, TOKENIZER) if name not in manifest.files]
    for name, expected in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            complaints.append(f"{name} is missing")
            continue
        found = record(path)
        if found.size != expected.size:
            complaints.append(f"{name} has {found.size:,} bytes, not {expected.size:,}")
        elif found != expected:
            complaints.append(f"{name} has the sha256 {found.sha256[:12]}…, not {expected.sha256[:12]}…")
    return complaints


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"{spec.name}:{spec.dtype}" for spec in specs)
