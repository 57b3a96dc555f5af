#!/bin/sh
# Writes the Secrets of the pods to standard output, from the folder that deploy/new-secrets.sh makes:
#   sh deploy/kubernetes/secrets.sh secrets | kubectl apply -f -
# DATABASE_SERVER and DATABASE_OPTIONS say where PostgreSQL is and how it is spoken to. From the same folder, where they
# are there: kafka_ca.pem, postgres_ca.pem, and <service>_kafka_password (also topics_kafka_password).
set -eu

folder=${1:?the folder of secrets}
server=${DATABASE_SERVER:-regulars-rw.postgres.svc:5432}
options=${DATABASE_OPTIONS-?sslmode=verify-full&sslrootcert=/run/secrets/postgres_ca.pem}

begin() { printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: regulars\ndata:\n' "$1"; }
entry() { printf '  %s: "%s"\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\n')"; }
file() { [ ! -e "$folder/$2" ] || entry "$1" "$(cat "$folder/$2")"; }
kafka() {
    if [ -e "$folder/$1_kafka_password" ]; then
        entry kafka_sasl_user "$1"
        file kafka_sasl_password "$1_kafka_password"
    fi
    file kafka_ca.pem kafka_ca.pem
}
url() { printf 'postgresql://%s:%s@%s/%s%s' "$1" "$(cat "$folder/$1_db_password")" "$server" "$2" "$options"; }

for service in orders-ingest membership segmentation messaging feedback console; do
    package=$(printf %s "$service" | tr - _)
    for secret in "$service" "$service-owner"; do
        begin "$secret"
        entry database_url "$(url "${package}_service" "$package")"
        [ "$secret" = "$service" ] || entry owner_database_url "$(url "$package" "$package")"
        file master_key master_key
        file postgres_ca.pem postgres_ca.pem
        if [ "$service" = console ]; then
            file services_api_key services_api_key
            file smtp_password smtp_password
        else
            file bootstrap_api_key bootstrap_api_key
            file metrics_key metrics_key
            file master_keys master_keys
            kafka "$service"
        fi
        [ "$service" != messaging ] || file smtp_password smtp_password
        [ "$service" != messaging ] || file sms_secret sms_secret
        [ "$service" != messaging ] || file imap_password imap_password
        [ "$service" != feedback ] || file photo_s3_secret_key photo_s3_secret_key
        [ "$service" != messaging ] || file chat_bridge_secret chat_bridge_secret
    done
done
begin topics
kafka topics
