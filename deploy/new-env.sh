#!/bin/sh
# Prints a fresh .env for docker-compose.yml: (umask 077; sh deploy/new-env.sh > .env)
# Keep MASTER_KEY: without it nothing personal can be read any more.
set -eu

random_hex() { openssl rand -hex "$1"; }

for service in POSTGRES_PASSWORD ORDERS_INGEST_DB_PASSWORD MEMBERSHIP_DB_PASSWORD SEGMENTATION_DB_PASSWORD \
    MESSAGING_DB_PASSWORD FEEDBACK_DB_PASSWORD CONSOLE_DB_PASSWORD; do
    echo "$service=$(random_hex 24)"
done
echo "MASTER_KEY=$(openssl rand -base64 32)"
echo "BOOTSTRAP_API_KEY=$(random_hex 24)"
# 16 random bytes in URL-safe base64, as Kafka writes its cluster ids; never one that begins with a dash.
echo "KAFKA_CLUSTER_ID=R$(openssl rand -base64 16 | tr '+/' '-_' | cut -c 2-22)"
