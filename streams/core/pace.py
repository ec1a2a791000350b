"""How many events the next batch may hold.

A large batch spares the store and the broker work, a small one is soon there: 250 ms are 150 headlines for the model,
or several thousand views that no model reads. One is prepared while another is flushed, so that preparing may take as
long as flushing does: where the store is slow, batches grow. They never shrink for the store's sake: its time hardly
depends on their size, and smaller ones would only be slower.

A full batch says that more is waiting. Then events come late anyway, and the sooner all are done the better: batches
may last four times as long, which has the store and the broker do a quarter of their work.
"""

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """The size of the next batch."""

    most: int
    aim_s: float = 0.25
    behind_s: float = 1.0  # where more is waiting
    least: int = 64
    size: int = 256

    @classmethod
    def up_to(cls, most: int) -> "Pace":
        """A pace to begin with."""
        return cls(most=most, size=min(most, 256))

    def after(self, count: int, *, prepared_s: float, flushed_s: float) -> "Pace":
        """The pace when so many were prepared and flushed in these times. It at most doubles or halves.

        A batch that was not full tells nothing of how many more would have fitted.
        """
        aim_s = max(self.behind_s if count >= self.size else self.aim_s, flushed_s)
        if prepared_s <= aim_s and count < self.size:
            return self
        wanted = int(min(count * aim_s / max(prepared_s, 1e-6), self.size * 2))
        size = min(max(wanted, self.size // 2, self.least), self.most)
        return msgspec.structs.replace(self, size=size)
