"""ClickHouse without a server: its engine in one process, behind its own HTTP interface.

A chDB store takes one process only; this one owns it, and everything else speaks HTTP to it, as to a server.
"""
