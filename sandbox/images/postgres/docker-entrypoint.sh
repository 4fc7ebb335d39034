#!/bin/bash
# The part of the official PostgreSQL image's contract that MiniStack relies on.
set -euo pipefail

if [[ ${1:-} == -* ]]; then
    set -- postgres "$@"
fi
if [[ ${1:-} != postgres ]]; then
    exec "$@"
fi
if [[ -n ${POSTGRES_PASSWORD_FILE:-} ]]; then
    # Read here, while it can be: after gosu it may belong to somebody else.
    POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
    export POSTGRES_PASSWORD
    unset POSTGRES_PASSWORD_FILE
fi
if [[ $(id -u) == 0 ]]; then
    install -d -m 0700 -o postgres -g postgres "$PGDATA"
    install -d -m 2775 -o postgres -g postgres /var/run/postgresql
    exec gosu postgres "$BASH_SOURCE" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    : "${POSTGRES_PASSWORD:?must be set}"
    user=${POSTGRES_USER:-postgres}
    initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 \
        --auth-local=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync
    {
        echo "listen_addresses = '*'"
        echo 'wal_level = logical'
        echo 'max_wal_senders = 20'
        echo 'max_replication_slots = 20'
    } >> "$PGDATA/postgresql.conf"
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    database=${POSTGRES_DB:-$user}
    if [[ $database != postgres ]]; then
        pg_ctl --wait --silent --options="-c listen_addresses=''" start
        psql --no-psqlrc --quiet --username="$user" --dbname=postgres --set=ON_ERROR_STOP=1 --set=name="$database" \
            <<< 'CREATE DATABASE :"name";'
        pg_ctl --wait --silent --mode=fast stop
    fi
fi
exec "$@"
