"""`pulsewire worker`."""

import logging


def worker() -> None:
    """Run one worker on whatever the settings name.

    Reads news.raw, logs.raw and user.events, classifies every event, and writes windows, alerts and samples. Start as
    many as there are cores: they share the partitions. It waits for a broker or a store that is away. Watch it at
    /healthz, /readyz and /metrics (PULSEWIRE_METRICS_PORT).
    """
    from streams.app import Worker
    from streams.settings import load_settings

    settings = load_settings()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if settings.log_level in ("warn", "error"):
        # It logs every failed try, while we say once that the broker is away
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    Worker(settings).run()
