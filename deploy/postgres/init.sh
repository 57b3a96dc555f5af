#!/bin/sh
# A database for each service, its owner, as which it is migrated, and the role <service>_service, as which it serves;
# runs once, when the data directory is empty. Nobody reads another's database. Migrations give the second role its
# rights. Passwords stand in files, $SECRETS_DIR/<service>_db_password and <service>_service_db_password.
set -eu

for service in orders_ingest membership segmentation messaging feedback console; do
    for role in "$service" "${service}_service"; do
        file="${SECRETS_DIR:-/run/secrets}/${role}_db_password"
        password=$(cat "$file") || { echo "no password in $file" >&2; exit 1; }
        psql --set=ON_ERROR_STOP=1 --username=postgres --set=role="$role" --set=password="$password" <<'SQL'
create role :"role" login password :'password';
SQL
    done
    psql --set=ON_ERROR_STOP=1 --username=postgres --set=service="$service" --set=role="${service}_service" <<'SQL'
create database :"service" owner :"service";
revoke all on database :"service" from public;
grant connect on database :"service" to :"role";
SQL
done
# `regulars backup --continuous` of the service `tools` fetches the log as the superuser; no other role may.
[ -z "${PGDATA:-}" ] || echo "host replication postgres samenet scram-sha-256" >> "$PGDATA/pg_hba.conf"
