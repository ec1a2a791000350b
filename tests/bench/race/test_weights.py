"""A run's sentiment head, opened by transformers with the code that goes beside it, answers as the run does."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.train

torch = pytest.importorskip("torch")
from transformers import BertConfig, BertModel  # noqa: E402

from models.labels import SENTIMENT, SEVERITY  # noqa: E402
from models.training import run_folder  # noqa: E402
from models.training.network import Network  # noqa: E402
from tests.bench.race.peers.modeling import MeanPooledBertForSequenceClassification  # noqa: E402
from tests.bench.race.weights import transformers_folder  # noqa: E402

TOKENIZER = Path(__file__).parents[2] / "models" / "tiny_tokenizer.json"
IDS = torch.tensor([[0, 7, 9, 2], [0, 5, 2, 1]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def test_it_answers_as_the_run(tmp_path: Path):
    heads = {"severity": SEVERITY, "sentiment": SENTIMENT}
    config = BertConfig(
        vocab_size=50, hidden_size=12, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, pad_token_id=1
    )
    network = Network(BertModel(config, add_pooling_layer=False), heads).eval()
    run = run_folder.Run(
        name="tiny", created="2026-01-01T00:00:00Z", base="tiny", heads=heads, max_length=16, normalization="1",
        data=(), recipe={}, code="0",
    )  # fmt: skip
    run_folder.save(tmp_path / "run", run, network, TOKENIZER.read_text(encoding="utf-8"))
    folder = transformers_folder(tmp_path / "run", tmp_path / "cache")
    model = MeanPooledBertForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(IDS, MASK).logits, network.head("sentiment", IDS, MASK))
    assert [model.config.id2label[number] for number in range(3)] == list(SENTIMENT)
    assert transformers_folder(tmp_path / "run", tmp_path / "cache") == folder  # and is made once
