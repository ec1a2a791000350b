"""The numbers of a run. The same recipe over the same rows, code and start gives the same weights, bit for bit."""

import msgspec


class Recipe(msgspec.Struct, frozen=True):
    """How to train. Heads need a high rate: at 1e-3 they had not moved after 100 steps."""

    batch: int = 32
    max_length: int = 96  # tokens, the two special ones included
    encoder_rate: float = 1e-4
    heads_rate: float = 3e-3
    seed: int = 0
    epochs: int = 1
    threads: int = 1  # two thrash on a busy machine
    limit_s: float = 0.0  # 0: no limit
    checkpoint_s: float = 300.0
    freeze_words: bool = False  # leave the table of pieces as it is: a third of the numbers, a tenth of the time
    average: float = 0.0  # how much of the mean of the weights a step leaves as it is; 0: the last weights are taken
    smooth: bool = True  # labels as smooth as their heads declare
    method: str = "full"  # one of `methods.METHODS`
    rank: int = 16  # of LoRA's matrices
    steps: int = 0  # the batches of no more steps than that; 0: all
    accumulate: int = 1  # batches whose gradients make one step
    dropout: float = 0.0  # in the encoder
    measure_every: int = 0  # steps between looks at validation rows; 0: at each epoch's end alone
    measure_rows: int = 300  # of each head
    patience: int = 0  # looks without a rise, after which training ends with the best weights; 0: never

    def order(self, epoch: int) -> int:
        """The seed of an epoch's order: no two epochs, of no two seeds, have the same."""
        return self.seed * 1_000 + epoch


class Step(msgspec.Struct, frozen=True):
    """What is known after a step."""

    step: int
    steps: int
    losses: tuple[tuple[str, float], ...]  # head and loss of each batch in it
    rows: int
    seconds: float
    done: float  # 0 to 1

    @property
    def head(self) -> str:
        return self.losses[-1][0] if self.losses else ""

    @property
    def loss(self) -> float:
        return self.losses[-1][1] if self.losses else 0.0
