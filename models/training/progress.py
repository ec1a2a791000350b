"""How far a run is, by steps or by the clock, and the learning rate that follows from it."""

WARM_UP = 0.06


def share(step: int, steps: int, elapsed_s: float, limit_s: float | None) -> float:
    """0 at the start, 1 at the end: whichever comes first, the last step or the time limit."""
    by_step = step / steps
    return min(1.0, by_step if limit_s is None else max(by_step, elapsed_s / limit_s))


def rate(done: float) -> float:
    """The factor on the learning rate: up over the first 6%, then down to 0 in a line."""
    return done / WARM_UP if done < WARM_UP else (1 - done) / (1 - WARM_UP)
