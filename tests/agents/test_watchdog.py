from streams.agents.watchdog import Watchdog

P = ("news.raw", 0)


def watch(dog, now_s, position, lag, *, waiting=False):
    return dog.stalled(now_s=now_s, position={P: position}, lag={P: lag}, waiting=waiting)


def test_lag_without_progress_is_a_stall():
    dog = Watchdog(patience_s=10)
    assert not watch(dog, 0, 5, 7)
    assert not watch(dog, 10, 5, 7)
    assert watch(dog, 10.1, 5, 7)


def test_progress_no_lag_or_a_wait_is_none():
    for kwargs in ({"position": 6, "lag": 7}, {"position": 5, "lag": 0}, {"position": 5, "lag": 7, "waiting": True}):
        dog = Watchdog(patience_s=10)
        watch(dog, 0, 5, 7)
        assert not watch(dog, 11, **kwargs)
        assert not watch(dog, 20, 5, 7), "patience starts anew"
