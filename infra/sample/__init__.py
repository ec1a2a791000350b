"""The sample that the project ships: an hour of news, service logs and user events, with three incidents hidden in it.

The phrases are written for it; the companies, the shop and its users do not exist. `generate` makes the same hour every
time; `replay` plays it as three live streams that end now.
"""
