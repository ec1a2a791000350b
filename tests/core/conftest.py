"""Properties are about answers: how long one example takes on a busy machine says nothing."""

from hypothesis import settings

settings.register_profile("answers", deadline=None)
settings.load_profile("answers")
