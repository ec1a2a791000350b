"""The heads that Pulsewire trains, and their labels in the order of a head's outputs."""

SENTIMENT = ("negative", "neutral", "positive")
SEVERITY = ("info", "warning", "error", "critical")

# The 20 topics of twitter-financial-news-topic, in the order of its own label numbers.
CATEGORY = (
    "Analyst Update",
    "Fed | Central Banks",
    "Company | Product News",
    "Treasuries | Corporate Debt",
    "Dividend",
    "Earnings",
    "Energy | Oil",
    "Financials",
    "Currencies",
    "General News | Opinion",
    "Gold | Metals | Materials",
    "IPO",
    "Legal | Regulation",
    "M&A | Investments",
    "Macro",
    "Markets",
    "Politics",
    "Personnel Change",
    "Stock Commentary",
    "Stock Movement",
)

HEADS: dict[str, tuple[str, ...]] = {"sentiment": SENTIMENT, "category": CATEGORY, "severity": SEVERITY}
