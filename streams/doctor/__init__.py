"""Looks at what Pulsewire stands on. A check never raises: trouble is a finding with a word on what to do about it."""
