"""A training run's sentiment head as a folder that transformers opens: the peers read with our weights.

Torch is imported only where a run is read, so that the races' other parts load without the extra `train`.
"""

import hashlib
import json
import shutil
from pathlib import Path

from models import manifest, registry
from models.extra import require_train
from models.labels import SENTIMENT
from streams.errors import PulsewireError

HEAD = "sentiment"
MODELING = Path(__file__).parent / "peers" / "modeling.py"
CLASS = "MeanPooledBertForSequenceClassification"  # infinity-emb goes by the end of the name
NEEDED = "model.safetensors", "encoder.json", "tokenizer.json", "run.json"


def transformers_folder(run: Path, cache: Path) -> Path:
    """The run as a transformers model below `cache`, made where it is not there yet.

    Raises:
        PulsewireError: there is no whole run.
        ExtraMissing: the extra `train` is not installed.
    """
    if not all((run / name).is_file() for name in NEEDED):
        raise PulsewireError(
            f"{run} holds no training run, and the peers need its weights: make one with `pulsewire train`, or name one"
            " with --run"
        )
    folder = cache / f"weights-{_hash(run)}"
    if not (folder / "config.json").is_file():
        require_train()
        part = folder.with_name(f".{folder.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write(run, part)
        part.rename(folder)
    return folder


def run_of_bundle(cache: Path) -> Path:
    """The bundle in force as a run below `cache`.

    Raises:
        BundleError: it is not whole.
        ExtraMissing: the extra `train` is not installed.
    """
    bundle = registry.active()
    folder = cache / f"run-{manifest.read(bundle).name}"
    if not (folder / "run.json").is_file():
        require_train()
        from models.training.unpack import unpack

        unpack(bundle, folder, replace=True)
    return folder


def config_of(encoder: dict[str, object]) -> dict[str, object]:
    """What transformers is to know of the model: the encoder's own configuration, the labels, and where the code is."""
    names = dict(enumerate(SENTIMENT))
    return encoder | {
        "architectures": [CLASS],
        "auto_map": {"AutoModelForSequenceClassification": f"modeling.{CLASS}"},
        "id2label": names,
        "label2id": {name: number for number, name in names.items()},
        "problem_type": "single_label_classification",
    }


def _write(run: Path, folder: Path) -> None:
    from safetensors.torch import save_file

    from models.training import run_folder

    known, network, tokenizer_json = run_folder.load(run)
    state = {f"bert.{name}": tensor for name, tensor in network.encoder.state_dict().items()}
    state |= {f"classifier.{name}": tensor for name, tensor in network.heads[HEAD].state_dict().items()}
    save_file(
        {name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors", {"format": "pt"}
    )
    config = config_of(json.loads(network.encoder.config.to_json_string()))
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(_tokenizer(known.max_length), indent=2))
    shutil.copy(MODELING, folder / "modeling.py")


def _tokenizer(max_length: int) -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_length,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "padding_side": "right",
        "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
        "unk_token": "<unk>", "pad_token": "<pad>",
    }  # fmt: skip


def _hash(run: Path) -> str:
    """Of the weights and of the code that goes beside them."""
    found = hashlib.sha256(MODELING.read_bytes())
    with (run / "model.safetensors").open("rb") as file:
        found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:12]
