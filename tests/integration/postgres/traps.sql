-- Every kind of thing that has broken a move between two PostgreSQL servers.
CREATE SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION pg_trgm;
COMMENT ON EXTENSION pg_trgm IS 'a comment that only its owner may set';
CREATE SCHEMA "odd Schema";
CREATE TYPE seat_state AS ENUM ('free', 'held', 'sold');
CREATE DOMAIN price AS numeric CHECK (value >= 0);

CREATE TABLE users (id serial PRIMARY KEY, email extensions.citext UNIQUE NOT NULL, born date, note json, place point);
INSERT INTO users (email, born, note, place)
SELECT 'User' || i || '@example.org', date '1990-01-01' + i % 9000, json_build_object('i', i), point(i, -i) FROM generate_series(1, 500) i;

CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, data jsonb, lasts interval, cost price,
  words tsvector GENERATED ALWAYS AS (to_tsvector('simple', title)) STORED);
INSERT INTO events (title, data, lasts, cost)
SELECT 'Event ' || i, jsonb_build_object('hall', i % 7), i * interval '1 hour', i * 1.10 FROM generate_series(1, 300) i;
CREATE INDEX events_trgm ON events USING gin (title gin_trgm_ops);
CREATE STATISTICS events_stats ON title, cost FROM events;

CREATE TABLE bookings (id bigserial, event_id bigint NOT NULL REFERENCES events, user_id int REFERENCES users, state seat_state,
  at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE bookings_2025 PARTITION OF bookings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE bookings_rest PARTITION OF bookings DEFAULT;
INSERT INTO bookings (event_id, user_id, state, at)
SELECT 1 + i % 300, 1 + i % 500, (enum_range(null::seat_state))[1 + i % 3], timestamptz '2025-01-01' + i * interval '1 hour'
FROM generate_series(1, :rows) i;

-- no key, equal rows, a column named like an alias
CREATE TABLE log (a text, "select" text, n numeric);
INSERT INTO log SELECT 'same', E'quote '' back \\ tab \t', 1.50 FROM generate_series(1, 40);
CREATE TABLE empty_one (id int);
-- keys that name no row for replication: checked at the end of the transaction, and one of them with another index that can serve
CREATE TABLE ranks (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, place int NOT NULL);
INSERT INTO ranks SELECT i, i FROM generate_series(1, 30) i;
CREATE TABLE lanes (id int PRIMARY KEY DEFERRABLE, code int NOT NULL UNIQUE, place int);
INSERT INTO lanes SELECT i, 100 + i, i FROM generate_series(1, 30) i;
CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 10) AS i;
CREATE TABLE "odd Schema"."T ""x"" %s" ("ID" int PRIMARY KEY, "a b {}" text, blob bytea, dropped int);
INSERT INTO "odd Schema"."T ""x"" %s" SELECT i, 'läßt ✓ ' || i, decode(md5(i::text), 'hex'), 1 FROM generate_series(1, 50) i;
ALTER TABLE "odd Schema"."T ""x"" %s" DROP COLUMN dropped;
CREATE SEQUENCE "odd Schema"."next ""No""" START 42;
SELECT nextval('"odd Schema"."next ""No"""');
CREATE SEQUENCE never_used;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trigger fired while loading'; END $$;
CREATE TRIGGER no_insert BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION double(int) RETURNS int LANGUAGE sql IMMUTABLE RETURN $1 * 2;
CREATE AGGREGATE total (numeric) (sfunc = numeric_add, stype = numeric, initcond = '0');
CREATE VIEW busy AS SELECT event_id, count(*) AS n FROM bookings GROUP BY 1;
CREATE MATERIALIZED VIEW sales AS SELECT event_id, count(*) AS sold FROM bookings WHERE state = 'sold' GROUP BY 1;
CREATE UNIQUE INDEX sales_event ON sales (event_id);

CREATE TABLE secrets (id int PRIMARY KEY, owner text);
INSERT INTO secrets SELECT i, 'owner ' || i FROM generate_series(1, 20) i;
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON secrets USING (false);

SELECT lo_from_bytea(0, decode(repeat('ab', 5000), 'hex')), lo_from_bytea(0, 'ticket.pdf');
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER guard ON ddl_command_end EXECUTE FUNCTION watch();
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE ROLE reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reporting;
COMMENT ON SCHEMA public IS 'changed by its owner';
