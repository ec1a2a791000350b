"""Bringing events in: files, standard input and feeds become messages on a topic.

Readers are pure (bytes to a payload or a refusal); `pump` is the one loop that sends and waits.
"""
