-- Fills the schema with a shop that has been open for a while.
--   psql -v scale=2000 ...   how many reservations (default 1,000,000; the rest follows from it)
--   psql -v base=...         the day the data was "taken", a fixed default: the same rows at each run
\set ON_ERROR_STOP on
\if :{?scale} \else \set scale 1000000 \endif
\if :{?base} \else \set base '2026-11-01 00:00+00' \endif
-- 2,500 seats a venue; 7 and 2,500 have no common factor, so that (7k + event) mod 2500 meets a seat once.
\set seats_per_venue 2500
SELECT greatest(:scale / 1000, 10) AS events, greatest(:scale / 25000, 2) AS venues,
       greatest(:scale / 5, 100) AS users, greatest(:scale / 2500, 10) AS artists \gset
SELECT ceil(:scale::numeric / :events)::int AS per_event \gset
SELECT :per_event > :seats_per_venue AS oversold \gset
\if :oversold
    DO $$ BEGIN RAISE EXCEPTION 'scale asks for more reservations than there are seats'; END $$;
\endif

SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
SET work_mem = '64MB';

BEGIN;
SELECT setseed(0.42);

-- When an event begins and its sale opens, for the events and for what was sold of them.
CREATE FUNCTION pg_temp.begins(event bigint, base timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT base - interval '101 hours' + (event * 7919 % 900 - 115) * interval '1 day' $$;
CREATE FUNCTION pg_temp.opens(event bigint, base timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT least(pg_temp.begins(event, base) - interval '60 days', base - interval '150 days') $$;

INSERT INTO users (id, email, display_name, profile, created_at) OVERRIDING SYSTEM VALUE
SELECT n, 'guest' || n || '@example.com', (ARRAY['Kim','Lee','Park','Choi','Jung'])[1 + n % 5] || ' ' || n,
       jsonb_build_object('locale', (ARRAY['ko','en','ja'])[1 + n % 3], 'marketing', n % 4 = 0,
                          'seat_wish', jsonb_build_object('aisle', n % 2 = 0, 'tier', 1 + n % 5)),
       timestamptz :'base' - interval '3 years' + random() * interval '1000 days'
FROM generate_series(1, :users) AS n;

INSERT INTO venues (id, name, city, address, capacity, seating_plan)
SELECT n, 'Hall ' || n, (ARRAY['Seoul','Busan','Incheon','Daegu','Gwangju'])[1 + n % 5],
       jsonb_build_object('street', n || ' Arena-ro', 'zip', lpad((n * 37)::text, 5, '0'), 'gates', jsonb_build_array('N','E','S','W')),
       :seats_per_venue,
       lo_from_bytea(900000 + n, convert_to('<svg xmlns="http://www.w3.org/2000/svg"><title>Hall ' || n || '</title>'
           || repeat('<rect width="4" height="4"/>', 200) || '</svg>', 'UTF8'))
FROM generate_series(1, :venues) AS n;

INSERT INTO seats (id, venue_id, section, row_label, number, tier)
SELECT (v - 1) * :seats_per_venue + s + 1, v, chr(65 + s / 500), lpad((s % 500 / 25 + 1)::text, 2, '0'), s % 25 + 1, 1 + s / 500
FROM generate_series(1, :venues) AS v, generate_series(0, :seats_per_venue - 1) AS s;

INSERT INTO artists (id, name, genres)
SELECT n, 'Artist ' || n, ARRAY[(ARRAY['pop','rock','jazz','classic','ballet'])[1 + n % 5], (ARRAY['live','tour'])[1 + n % 2]]
FROM generate_series(1, :artists) AS n;

INSERT INTO events (id, venue_id, title, starts_at, sales_open_at, status, queue_required, attributes, updated_at)
SELECT n, 1 + n % :venues, (ARRAY['Night of','Voices of','Echoes of','Best of','Return of'])[1 + n % 5] || ' Artist '
           || (1 + n % :artists) || ' No. ' || n,
       pg_temp.begins(n, :'base'), pg_temp.opens(n, :'base'),
       CASE WHEN pg_temp.begins(n, :'base') < timestamptz :'base' THEN 'finished'
            WHEN n % 50 = 0 THEN 'cancelled' ELSE 'on_sale' END::event_status,
       n % 10 = 1, jsonb_build_object('age', (ARRAY[0, 12, 18])[1 + n % 3], 'tags', jsonb_build_array('season-' || n % 4)),
       timestamptz :'base'
FROM generate_series(1, :events) AS n;

INSERT INTO event_artists
SELECT n, 1 + (n + k * 3) % :artists, k + 1 FROM generate_series(1, :events) AS n, generate_series(0, 1 + :artists / 10 % 2) AS k;

INSERT INTO event_prices
SELECT n, tier, 30000 + 10000 * (5 - tier) + 1000 * (n % 20) FROM generate_series(1, :events) AS n, generate_series(1, 5) AS tier;

-- Building an index or checking a key once over all rows is several times
-- faster than row by row. Take them off the two large tables, by what the
-- catalogue says, and put the very same ones back after the load.
CREATE TEMP TABLE put_back ON COMMIT DROP AS
SELECT 1 AS step, conrelid::regclass AS tbl, conname AS name, 'CONSTRAINT' AS kind,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS ddl, contype
FROM pg_constraint
WHERE conrelid IN ('reservations'::regclass, 'payments'::regclass, 'gate_scans'::regclass, 'queue_tickets'::regclass)
  AND contype IN ('p', 'u', 'f')
UNION ALL
SELECT 2, indrelid::regclass, indexrelid::regclass::name, 'INDEX', pg_get_indexdef(indexrelid), 'i'
FROM pg_index AS i
WHERE indrelid IN ('reservations'::regclass, 'payments'::regclass, 'gate_scans'::regclass, 'queue_tickets'::regclass)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u'));

SELECT CASE kind WHEN 'INDEX' THEN format('DROP INDEX %I', name)
                 ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', tbl, name) END
FROM put_back ORDER BY contype = 'p', contype = 'u'
\gexec

INSERT INTO reservations (id, event_id, seat_id, user_id, status, price, idempotency_key, created_at)
SELECT n, event_id, (event_id % :venues) * :seats_per_venue + seat + 1, 1 + n * 104729 % :users,
       status::reservation_status, 30000 + 10000 * (4 - seat / 500) + 1000 * (event_id % 20), 'seed-' || lpad(n::text, 9, '0'),
       pg_temp.opens(event_id, :'base') + chance
           * (least(pg_temp.begins(event_id, :'base'), :'base') - interval '1 hour' - pg_temp.opens(event_id, :'base'))
FROM (SELECT n, 1 + (n - 1) / :per_event AS event_id, (7 * ((n - 1) % :per_event) + 1 + (n - 1) / :per_event) % :seats_per_venue AS seat,
             CASE WHEN n % 25 = 0 THEN 'cancelled' WHEN n % 40 = 1 THEN 'expired' ELSE 'confirmed' END AS status,
             random() AS chance
      FROM generate_series(1, :scale::bigint) AS n) AS sale;

-- Expired holds were never paid; cancelled ones got their money back.
INSERT INTO payments (id, reservation_id, amount, status, idempotency_key, receipt_no, provider, created_at)
SELECT r.id, r.id, r.price, CASE r.status WHEN 'cancelled' THEN 'refunded' ELSE 'captured' END::payment_status,
       'seed-' || lpad(r.id::text, 9, '0'), 99999 + r.id,
       jsonb_build_object('name', (ARRAY['card','bank','wallet'])[1 + r.id % 3], 'ref', md5(r.id::text)),
       r.created_at + interval '3 minutes'
FROM reservations AS r WHERE r.status <> 'expired' ORDER BY r.id;

INSERT INTO queue_tickets (id, event_id, user_id, position, entered_at, admitted_at)
SELECT md5('queue' || n)::uuid, 1 + n % (:events / 10) * 10, 1 + n * 7 % :users, 1 + n / (:events / 10), at, at + interval '1 minute' * (1 + n % 30)
FROM (SELECT n, timestamptz :'base' - interval '100 days' + n * interval '1 second' AS at
      FROM generate_series(1, :scale / 10) AS n) AS entry;

INSERT INTO gate_scans
SELECT n * 8 + 2, (ARRAY['N','E','S','W'])[1 + n % 4], n % 97 <> 0, decode(md5('scan' || n), 'hex'),
       timestamptz :'base' - interval '90 days' + n * interval '30 seconds'
FROM (SELECT n FROM generate_series(1, :scale / 10) AS n
      UNION ALL SELECT n * 100 FROM generate_series(1, :scale / 1000) AS n) AS scan;

INSERT INTO audit.changes (id, table_name, row_id, before, after, changed_by, changed_at) OVERRIDING SYSTEM VALUE
SELECT n, 'reservations', n * 5, '{"status": "pending"}', jsonb_build_object('status', CASE n % 5 WHEN 0 THEN 'cancelled' ELSE 'confirmed' END),
       'tiketi', timestamptz :'base' - interval '300 days' + n * (interval '310 days' / (:scale / 5))
FROM generate_series(1, :scale / 5) AS n;

SELECT ddl FROM put_back
ORDER BY array_position(ARRAY['p', 'u', 'i', 'f'], contype::text), tbl, name
\gexec

SELECT setval(pg_get_serial_sequence('users', 'id'), max(id)) FROM users;
SELECT setval(pg_get_serial_sequence('venues', 'id'), max(id)) FROM venues;
SELECT setval(pg_get_serial_sequence('seats', 'id'), max(id)) FROM seats;
SELECT setval(pg_get_serial_sequence('artists', 'id'), max(id)) FROM artists;
SELECT setval(pg_get_serial_sequence('events', 'id'), max(id)) FROM events;
SELECT setval(pg_get_serial_sequence('reservations', 'id'), max(id)) FROM reservations;
SELECT setval(pg_get_serial_sequence('payments', 'id'), max(id)) FROM payments;
SELECT setval(pg_get_serial_sequence('audit.changes', 'id'), max(id)) FROM audit.changes;
SELECT setval('receipt_number_seq', max(receipt_no)) FROM payments;

REFRESH MATERIALIZED VIEW event_sales;
COMMIT;

SELECT 'VACUUM (ANALYZE) ' || string_agg(oid::regclass::text, ', ')
FROM pg_class WHERE relkind IN ('r', 'm') AND relnamespace IN ('public'::regnamespace, 'audit'::regnamespace)
\gexec
