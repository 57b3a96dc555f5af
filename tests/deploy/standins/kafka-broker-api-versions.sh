#!/bin/sh
# In the place of Kafka's own, whose jar is not at hand: exit 0 when the broker of `--bootstrap-server HOST:PORT` answers.
cd /opt/probe
exec python -c '
import sys
from kafka_probe import live_brokers
host, port = sys.argv[2].split(":")
sys.exit(0 if live_brokers(host, int(port)) else 1)' "$@"
