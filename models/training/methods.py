"""Which of the encoder's numbers are learnt: all, low-rank changes, a factor per channel, or none.

Whatever the method, a run ends as a plain network: export knows nothing of methods. For that reason `adapters` are
(IA)^3, factors on keys, values and the feed-forward layer that go into its matrices, and no bottlenecks between the
layers, which would be layers more in every graph.
"""

import copy
from typing import Any

from torch import nn

from models.training.network import Network
from models.training.recipe import Recipe

METHODS = ("full", "lora", "adapters", "head")
_OUTPUT = r".*encoder\.layer\.\d+\.output\.dense"
_SCALED = rf".*encoder\.layer\.\d+\.attention\.self\.(key|value)|{_OUTPUT}"


def prepare(network: Network, recipe: Recipe) -> None:
    """Let gradients reach what the recipe's method learns, and set the encoder's dropout."""
    if recipe.method in ("lora", "adapters"):
        import peft  # noqa: PLC0415 - seconds that the other methods need not wait

        network.encoder = peft.get_peft_model(network.encoder, _config(peft, recipe))
    elif recipe.method == "head":
        network.encoder.requires_grad_(False)
    elif recipe.freeze_words:
        network.encoder.embeddings.requires_grad_(False)
    for module in network.encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = recipe.dropout


def plain(network: Network) -> Network:
    """The network with what was learnt beside its matrices added to them; `network` itself is left as it is."""
    if not hasattr(network.encoder, "merge_and_unload"):
        return network
    merged = copy.deepcopy(network)
    merged.encoder = merged.encoder.merge_and_unload()
    return merged


def _config(peft: Any, recipe: Recipe) -> Any:
    if recipe.method == "lora":
        every = ["query", "key", "value", "dense"]
        return peft.LoraConfig(r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules=every)
    return peft.IA3Config(target_modules=_SCALED, feedforward_modules=_OUTPUT)
