"""The engine's configuration, and what its only user may do.

The engine knows one user, since an embedded one has no log-in; who may do what is decided in two places:

1. Here, by the engine's own access control, for everybody: no foreign table engines or sources. `ENGINE=Kafka` in
   particular would leave the store unopenable, and `file`, `url` and their kin would read and write outside of it.
2. In `users.py`, for `reader`, by the engine's read-only mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_GRANTS = (
    "SELECT, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE, SHOW, dictGet, KILL QUERY, INTROSPECTION, "
    "SYSTEM MERGES, SYSTEM FLUSH LOGS, SYSTEM DROP CACHE, SYSTEM SYNC REPLICA, SYSTEM RELOAD, SYSTEM TTL MERGES, "
    "SYSTEM JEMALLOC"
)

_USERS = f"""\
<clickhouse>
  <profiles><default>
    <!-- one insert, one block: a multi-block insert is not atomic -->
    <async_insert>0</async_insert>
    <max_insert_block_size>4194304</max_insert_block_size>
    <min_insert_block_size_rows>4194304</min_insert_block_size_rows>
    <min_insert_block_size_bytes>1073741824</min_insert_block_size_bytes>
    <session_timezone>UTC</session_timezone>
  </default></profiles>
  <quotas><default/></quotas>
  <users><default>
    <password/>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants><query>GRANT {_GRANTS} ON *.*</query></grants>
  </default></users>
</clickhouse>
"""

_SERVER = """\
<clickhouse>
  <timezone>UTC</timezone>
  <users_config>{users}</users_config>
  <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
  <merge_tree>
    <!-- a part that was merged into another takes 27 KB of memory until it goes, after eight minutes by default -->
    <old_parts_lifetime>60</old_parts_lifetime>
    <!-- one after the other: over a hundred old parts at once took as many threads, which the engine keeps -->
    <concurrent_part_removal_threshold>1000000</concurrent_part_removal_threshold>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
"""


def write_config(folder: Path) -> Path:
    """Write both files; returns the one to start the engine with."""
    users, server = folder / "users.xml", folder / "config.xml"
    users.write_text(_USERS, encoding="utf-8")
    server.write_text(_SERVER.format(users=users), encoding="utf-8")
    return server
