#!/bin/sh
# Makes what docker-compose.yml needs and is not there yet: a file for each secret in FOLDER, and .env with the
# cluster's id: sh deploy/new-secrets.sh [FOLDER=secrets]. Run again, it changes nothing.
# Keep FOLDER/master_key: without it nothing personal can be read any more.
set -eu

folder=${1:-secrets}
environment=${2:-.env}
umask 077
mkdir -p "$folder"

secret() { # name, text: readable by a container's user; nobody else of this machine passes through the folder.
    [ -e "$folder/$1" ] || { printf '%s\n' "$2" > "$folder/$1" && chmod 444 "$folder/$1"; }
}

secret postgres_password "$(openssl rand -hex 24)"
secret admin_database_url "postgresql://postgres:$(cat "$folder/postgres_password")@postgres:5432/postgres" # for backups
for service in orders_ingest membership segmentation messaging feedback console; do
    secret "${service}_db_password" "$(openssl rand -hex 24)"
    secret "${service}_service_db_password" "$(openssl rand -hex 24)"
    # Migrations connect as the tables' owner, the service as a role that may do no more than it does.
    secret "${service}_owner_database_url" \
        "postgresql://$service:$(cat "$folder/${service}_db_password")@postgres:5432/$service"
    secret "${service}_database_url" \
        "postgresql://${service}_service:$(cat "$folder/${service}_service_db_password")@postgres:5432/$service"
done
secret master_key "$(openssl rand -base64 32)"
secret master_keys "" # those that come after it (docs/operating.md, "Another master key")
secret bootstrap_api_key "$(openssl rand -hex 24)"
secret services_api_key "$(cat "$folder/bootstrap_api_key")" # the console's, until it has one of its own (README.md)
secret metrics_key "$(openssl rand -hex 24)" # with which Prometheus asks
secret grafana_password "$(openssl rand -hex 24)"
secret smtp_password ""
secret sms_secret ""
secret imap_password ""
secret chat_bridge_secret ""
# 16 random bytes in URL-safe base64, as Kafka writes its cluster ids; never one that begins with a dash.
grep -qs '^KAFKA_CLUSTER_ID=' "$environment" ||
    echo "KAFKA_CLUSTER_ID=R$(openssl rand -base64 16 | tr '+/' '-_' | cut -c 2-22)" >> "$environment"
