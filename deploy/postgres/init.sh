#!/bin/sh
# A database and a role for each service; runs once, when the data directory is empty. Nobody reads another's database.
# Passwords stand in files, $SECRETS_DIR/<service>_db_password.
set -eu

for service in orders_ingest membership segmentation messaging feedback console; do
    file="${SECRETS_DIR:-/run/secrets}/${service}_db_password"
    password=$(cat "$file") || { echo "no password in $file" >&2; exit 1; }
    psql --set=ON_ERROR_STOP=1 --username=postgres --set=service="$service" --set=password="$password" <<'SQL'
create role :"service" login password :'password';
create database :"service" owner :"service";
revoke all on database :"service" from public;
SQL
done
