from streams.agents.watchdog import Progress, Watchdog

AT = ("news.raw", 0)
OTHER = ("news.raw", 1)


def dog():
    return Watchdog(patience_s=10, partition_patience_s=60)


def watch(dog, now_s, *, end=12, done=5, waiting=False):
    return dog.stalled(now_s=now_s, progress={AT: Progress(end, done)}, waiting=waiting)


def test_records_that_nobody_does_are_a_stall():
    watched = dog()
    assert not watch(watched, 0)
    assert not watch(watched, 10)
    assert watch(watched, 10.1) == "every partition"


def test_progress_nothing_to_do_or_a_wait_is_none():
    for kwargs in ({"done": 6}, {"end": 5}, {"waiting": True}):
        watched = dog()
        watch(watched, 0)
        assert not watch(watched, 11, **kwargs)
        assert not watch(watched, 20), "patience starts anew"


def test_one_partition_that_stands_still_while_others_move_is_a_stall_in_the_end():
    watched = dog()
    for now_s in range(60):
        progress = {AT: Progress(12, 5), OTHER: Progress(1_000, now_s)}
        assert not watched.stalled(now_s=now_s, progress=progress, waiting=False)
    assert watched.stalled(now_s=61, progress=progress | {OTHER: Progress(1_000, 61)}, waiting=False) == "news.raw/0"


def test_a_partition_that_comes_is_given_its_time():
    watched = dog()
    for now_s in range(0, 200, 5):
        progress = {(f"topic-{now_s // 50}", 0): Progress(12, 5), OTHER: Progress(1_000, now_s)}
        assert not watched.stalled(now_s=now_s, progress=progress, waiting=False)
