# ruff: noqa: S608 - only constants of this package are put into the text
"""The questions of the preflight, besides those of the restore."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import ORDINARY, USER_SCHEMA

SETTINGS = """
SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY (ARRAY['wal_level', 'max_replication_slots', 'max_wal_senders',
  'max_logical_replication_workers', 'max_worker_processes', 'max_slot_wal_keep_size', 'wal_segment_size', 'listen_addresses', 'ssl',
  'rds.logical_replication', 'rds.extensions', 'port', 'transaction_read_only', 'wal_sender_timeout'])
"""

SIDE = """
SELECT (SELECT count(*) FROM pg_catalog.pg_replication_slots), (SELECT count(*) FROM pg_catalog.pg_stat_replication),
       (SELECT count(*) FROM pg_catalog.pg_replication_origin),
       (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type IN ('logical replication worker', 'parallel worker')
           OR backend_type NOT IN ('client backend', 'autovacuum worker', 'autovacuum launcher', 'background writer', 'checkpointer',
                                   'walwriter', 'walsender', 'walreceiver', 'startup', 'archiver', 'logger')),
       r.rolname, r.rolsuper, r.rolreplication OR r.rolsuper, r.rolbypassrls OR r.rolsuper,
       coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = 'rds_superuser'), false),
       coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = 'rds_replication'), false),
       coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles WHERE rolname = 'pg_create_subscription'), false),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')::int
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""

# Sorted by each side's own rules; digits, marks, case and umlauts are what rules disagree about.
SAMPLE = """
SELECT string_agg(x, ' ' ORDER BY x) FROM unnest(ARRAY['a', 'A', 'b', 'B', 'ä', 'z', 'Z', 'o', 'ö', 'ss', 'ß', 'a-b', 'ab', 'a b', 'a_c',
  '1', '10', '2', '가', '나', '中', 'é', 'e', '~', '#', '"', '.a', '-1']) x
"""

ROLES = "SELECT rolname, rolsuper, rolcanlogin FROM pg_catalog.pg_roles WHERE rolname = ANY (%s)"

POLICIES = f"""
SELECT c.oid::regclass::text, c.relforcerowsecurity FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {ORDINARY} AND c.relrowsecurity ORDER BY 1
"""

COUNTS = f"""
SELECT (SELECT count(*) FROM pg_catalog.pg_class WHERE relkind = 'r' AND relpersistence = 't'),
       (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata), pg_relation_size('pg_catalog.pg_largeobject'),
       (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'S' AND {USER_SCHEMA}),
       (SELECT coalesce(sum(pg_relation_size(i.indexrelid)), 0)::bigint FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA})
"""

VIEWS = f"""
SELECT c.oid::regclass::text, pg_table_size(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated AND {USER_SCHEMA} ORDER BY 1
"""

NEAR_END = f"""
SELECT c.oid::regclass::text, abs(CASE WHEN s.seqincrement > 0 THEN s.seqmax::numeric - v.last ELSE v.last::numeric - s.seqmin END)::bigint,
       abs(s.seqincrement)
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT pg_sequence_last_value(s.seqrelid) AS last) v
WHERE {USER_SCHEMA} AND v.last IS NOT NULL AND NOT s.seqcycle
  AND CASE WHEN s.seqincrement > 0 THEN v.last - s.seqmin::numeric ELSE s.seqmax::numeric - v.last END
      > 0.8 * (s.seqmax::numeric - s.seqmin)
ORDER BY 1
"""

# A new slot waits for every transaction of the server, whatever its database.
PREPARED = "SELECT quote_literal(gid), database FROM pg_catalog.pg_prepared_xacts ORDER BY 2, 1"

# Those with an XID are what a slot waits for; prepared ones are told by their name.
WAITING = """
SELECT pid, coalesce(usename, ''), application_name, extract(epoch FROM clock_timestamp() - xact_start)::float8
FROM pg_catalog.pg_stat_activity
WHERE backend_xid IS NOT NULL AND xact_start < clock_timestamp() - interval '10 s' AND pid <> pg_backend_pid() ORDER BY xact_start
"""

# A row whose text passes 1 GiB can be neither copied nor replicated. Long text is told before it gets there.
LONG_ROW = 500 * 1024**2
TOO_LONG = 1000 * 1024**2
# Only a table with that much beside its rows can hold one: text shrinks to a hundredth at best.
LEAST_TOAST = 10 * 1024**2
# How long each column's text is, without reading the value: the text of bytea is twice as long, that of other types not known from outside
# and taken to be as long as what is stored.
TOASTED = f"""
SELECT c.oid::regclass::text, string_agg(format(CASE WHEN a.atttypid = 'bytea'::regtype THEN 'coalesce(2 * octet_length(%%I)::bigint, 0)'
    WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) THEN 'coalesce(octet_length(%%I)::bigint, 0)'
    ELSE 'coalesce(pg_column_size(%%I)::bigint, 0)' END, a.attname), ' + ')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attlen = -1
WHERE {ORDINARY} AND c.reltoastrelid <> 0 AND pg_relation_size(c.reltoastrelid) > %(least)s GROUP BY c.oid ORDER BY 1
"""
LONGEST = "SELECT ctid::text, size FROM (SELECT ctid, {} AS size FROM ONLY {}) AS rows WHERE size >= {} ORDER BY size DESC LIMIT 1"

SUBSCRIPTIONS = """
SELECT subname FROM pg_catalog.pg_subscription
WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) ORDER BY 1
"""
WAL = "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()"
WAL_RATE = """
SELECT wal_bytes / greatest(extract(epoch FROM clock_timestamp() - stats_reset), 1) FROM pg_catalog.pg_stat_wal
"""

HBA = """
SELECT line_number, type, database, user_name, coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''), coalesce(error, '')
FROM pg_catalog.pg_hba_file_rules ORDER BY line_number
"""
