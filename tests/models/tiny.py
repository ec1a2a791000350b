"""A tiny encoder and made-up sets: training and export in seconds, with all of their real code."""

import json
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel

from models.datasets.dataset import Dataset, Example, Split
from models.heads import labels
from models.training.network import seed
from models.training.recipe import Recipe
from models.training.start import Start

HEADS = {head: names for head, names in labels().items() if head != "intent"}
RECIPE = Recipe(batch=16, max_length=24, encoder_rate=3e-3, heads_rate=1e-2, epochs=3, checkpoint_s=0.5)
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = {
    "sentiment": {"negative": "shares fall loss", "neutral": "board meets today", "positive": "shares jump profit"},
    "severity": {"info": "started fine", "warning": "retry slow", "error": "failed request", "critical": "panic abort"},
    "category": {name: f"about {name.lower()}" for name in HEADS["category"]},
}


def quiet(_done: float, _note: str = "") -> None:
    """Nobody looks."""


def filler(number: int) -> str:
    """Four words, in an order that no other number below 20,000 has: no text is nearly another."""
    names = ["ash", "bob", "cat", "dog", "elm", "fin", "gal", "hen", "ink", "jet", "kin", "lot"]
    return " ".join(names[number * 48_271 % 20_731 // 12**place % 12] for place in range(4))


def rows(head: str, count: int, first: int = 0) -> tuple[Example, ...]:
    """Made-up texts whose first words give their label away."""
    words = list(WORDS[head].items())
    made = []
    for number in range(count):
        label, said = words[number % len(words)]
        made.append(Example(f"{said} {filler(first + number)}", label))
    return tuple(made)


def sets(count: int = 240) -> tuple[Dataset, ...]:
    """One set a head."""
    made = []
    for head in HEADS:
        split = Split(rows(head, count), rows(head, 40, 10_000))
        made.append(Dataset(f"tiny-{head}", head, "none", "made up", (), lambda _data, split=split: split))
    return tuple(made)


@cache
def tokenizer_json(texts: tuple[str, ...], size: int = 400) -> str:
    """A Unigram tokenizer shaped as multilingual-e5-small's. Its training is not repeatable, so it is done once."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False, max_piece_length=12
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer.to_str()


def start() -> Start:
    """Two layers of 32 numbers, drawn at random."""
    # Made once by `tokenizer_json` from the texts of `sets`: what is learned over it is the same in every process
    described = Path(__file__).with_name("tiny_tokenizer.json").read_text(encoding="utf-8")
    seed(0)
    config = BertConfig(
        vocab_size=len(json.loads(described)["model"]["vocab"]),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
        pad_token_id=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    return Start("tiny", "none", BertModel(config, add_pooling_layer=False), described)
