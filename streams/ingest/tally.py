"""What was sent, what was refused and why."""

from collections import Counter
from typing import Any, Final

import msgspec

from streams.ingest.files import STDIN
from streams.ingest.item import Item, Refusal

EXAMPLES: Final = 3  # of each reason, the first few with their place


class Tally(msgspec.Struct):
    """Counts while it goes. Only what the broker acknowledged counts as sent."""

    sent: int = 0
    sent_bytes: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    examples: dict[str, list[Refusal]] = msgspec.field(default_factory=dict)
    last: Item | None = None  # everything before it, too, is acknowledged or refused
    read_bytes: int = 0
    total_bytes: int = 0  # 0 where nobody can know

    def acknowledged(self, item: Item) -> None:
        """The broker has it."""
        self.sent += 1
        self.sent_bytes += len(item.value)
        self.last = item

    def refuse(self, refusal: Refusal) -> None:
        """It was not sent."""
        self.refused[refusal.code] += 1
        examples = self.examples.setdefault(refusal.code, [])
        if len(examples) < EXAMPLES:
            examples.append(refusal)

    @property
    def refused_total(self) -> int:
        return self.refused.total()

    def line(self, elapsed_s: float) -> str:
        """One line for people."""
        rate = self.sent / elapsed_s if elapsed_s > 0 else 0.0
        done = f" ({100 * self.read_bytes // self.total_bytes}% read)" if self.total_bytes else ""
        return f"{self.sent:,} sent, {self.refused_total:,} refused, {rate:,.0f}/s{done}"

    def document(self, *, topic: str, elapsed_s: float) -> dict[str, Any]:
        """The counts for machines."""
        return {
            "topic": topic,
            "sent": self.sent,
            "sent_bytes": self.sent_bytes,
            "refused": self.refused_total,
            "reasons": {
                code: {"count": count, "examples": [place(refusal) for refusal in self.examples[code]]}
                for code, count in self.refused.most_common()
            },
            "seconds": round(elapsed_s, 3),
        }


def place(refusal: Refusal) -> str:
    """Where and why, in one line."""
    source = "standard input" if refusal.source == STDIN else refusal.source
    where = f"{source} line {refusal.line}" if refusal.line else source
    return f"{where}: {refusal.detail}" if where else refusal.detail
