#!/bin/sh
# The part of the official Redis image's contract that MiniStack relies on.
set -eu

case ${1:-} in
-* | *.conf) set -- redis-server "$@" ;;
esac
if [ "${1:-}" = redis-server ]; then
    # The packaged default is protected mode, which refuses every client of another container.
    set -- "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        chown redis:redis /data
        exec gosu redis "$@"
    fi
fi
exec "$@"
