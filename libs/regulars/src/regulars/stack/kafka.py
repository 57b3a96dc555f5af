"""An Apache Kafka of our own: started, stopped, killed, and started again on the same log."""

import base64
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regulars.stack.errors import PartDied, StackError
from regulars.stack.kafka_probe import live_brokers
from regulars.stack.kafka_program import environment, java
from regulars.stack.ports import free_port
from regulars.stack.process import Command, spawn, stop, tail


@dataclass(frozen=True, slots=True)
class Node:
    """One process that is both broker and controller."""

    number: int
    port: int
    controller_port: int
    folder: Path

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / "server.log"


class KafkaCluster:
    """One broker, or three with replication 3 and ``min.insync.replicas=2``, on ``host``; logs in ``directory``.

    All methods block; nodes are numbered from 1. One broker is ready after 1 to 2 s, three after 3 to 5 s; after a
    kill it takes 3 to 4 s until the controller lets the broker in again.
    """

    def __init__(self, directory: Path, *, nodes: int = 1, ports: Sequence[int] = (), host: str = "127.0.0.1") -> None:
        if nodes not in (1, 3):
            raise StackError(f"a cluster has 1 or 3 nodes here, not {nodes}")
        self.directory, self.host = directory, host
        taken: set[int] = set()
        brokers = [*ports, *(_another(taken) for _ in range(nodes - len(ports)))]
        self.nodes = tuple(
            Node(number, brokers[number - 1], _another(taken), directory / f"node-{number}")
            for number in range(1, nodes + 1)
        )
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all nodes, as KAFKA_BOOTSTRAP_SERVERS takes them."""
        return ",".join(f"{self.host}:{node.port}" for node in self.nodes)

    def pid(self, node: int = 1) -> int:
        """Process id of the node. Raises StackError when it was not started."""
        if node not in self._processes:
            raise StackError(f"Kafka node {node} was not started")
        return self._processes[node].pid

    def prepare(self) -> list[Command]:
        """Write the settings, format folders that are new (0.7 s), and give each node's command."""
        formats = [(node, self._format(node)) for node in self.nodes]
        for node, process in formats:
            if process is not None and process.wait() != 0:
                raise PartDied(f"Kafka could not format {node.folder}; remove it and try again:\n{tail(node.log)}")
        return [
            Command(f"kafka-{node.number}", java("kafka.Kafka", str(self._settings_file(node))), environment())
            for node in self.nodes
        ]

    def _format(self, node: Node) -> subprocess.Popen[bytes] | None:
        node.folder.mkdir(parents=True, exist_ok=True)
        settings = self._settings_file(node)
        settings.write_text("".join(f"{name}={value}\n" for name, value in self._settings(node).items()))
        if (node.folder / "data" / "meta.properties").exists():
            return None
        argv = java("kafka.tools.StorageTool", "format", "-t", self._cluster_id(), "-c", str(settings))
        return spawn(Command("kafka-format", argv, environment()), node.log)

    def _cluster_id(self) -> str:
        """Drawn once per folder: a service that remembers offsets must notice when it meets another cluster."""
        file = self.directory / "cluster-id"
        if not file.exists():
            # A leading dash would be read as an option of the format command.
            file.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "x"))
        return file.read_text()

    @staticmethod
    def _settings_file(node: Node) -> Path:
        return node.folder / "server.properties"

    def _settings(self, node: Node) -> dict[str, object]:
        copies, in_sync = (3, 2) if len(self.nodes) == 3 else (1, 1)
        voters = ",".join(f"{each.number}@{self.host}:{each.controller_port}" for each in self.nodes)
        broker, controller = f"BROKER://{self.host}:{node.port}", f"CONTROLLER://{self.host}:{node.controller_port}"
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": node.number,
            "controller.quorum.voters": voters,
            "listeners": f"{broker},{controller}",
            "advertised.listeners": broker,
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": node.folder / "data",
            "num.network.threads": 2,
            "num.io.threads": 4,
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            # With one copy only, the loss of a group's coordinator silences the group.
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 10,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "false",
            "log.cleaner.dedupe.buffer.size": 16777216,
            # With the default of 9 s a broker that was killed stays shut out by its own old session for 12 s.
            "broker.session.timeout.ms": 1500,
            "broker.heartbeat.interval.ms": 300,
        }
        if len(self.nodes) == 3:
            settings |= {"controller.quorum.election.timeout.ms": 500, "controller.quorum.fetch.timeout.ms": 1000}
        return settings

    def start(self, timeout_s: float = 60.0) -> None:
        """Start every node that does not run, and wait until each sees all of them. Raises PartDied."""
        for node, command in zip(self.nodes, self.prepare(), strict=True):
            if not self.is_running(node.number):
                self._processes[node.number] = spawn(command, node.log)
        self.wait_ready(timeout_s)

    def is_running(self, node: int = 1) -> bool:
        """Whether the node's process lives; it may not answer yet."""
        return node in self._processes and self._processes[node].poll() is None

    def is_ready(self) -> bool:
        """Whether every running node answers and names all running nodes as alive."""
        running = [node for node in self.nodes if self.is_running(node.number)]
        return bool(running) and all(live_brokers(self.host, node.port) >= len(running) for node in running)

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until ``is_ready``. Raises PartDied, and stops what runs, when a node ends or time is up."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            ended = [node for node in self.nodes if node.number in self._processes and not self.is_running(node.number)]
            if ended or time.monotonic() > deadline:
                what = f"node {ended[0].number} ended" if ended else f"was not ready within {timeout_s:.0f} s"
                self.stop()
                raise PartDied(f"Kafka: {what}:\n{tail((ended or self.nodes)[0].log)}")
            time.sleep(0.05)

    def stop(self, node: int | None = None) -> None:
        """Orderly end of one node or of all. Idempotent."""
        numbers = [each.number for each in self.nodes] if node is None else [node]
        running = {number: self._processes.pop(number) for number in numbers if number in self._processes}
        for process in running.values():
            if process.poll() is None:
                process.terminate()
        for process in running.values():
            stop(process, Command("kafka", [], {}))

    def kill(self, node: int = 1) -> None:
        """kill -9 of one node."""
        process = self._processes.pop(node, None)
        if process is not None:
            process.kill()
            process.wait()

    def restart(self, node: int | None = None) -> None:
        """Start one node, or all, again on the same log and port, whatever the last end was; returns when ready."""
        numbers = [each.number for each in self.nodes] if node is None else [node]
        for number in numbers:
            self.stop(number)
        for each, command in zip(self.nodes, self.prepare(), strict=True):
            if each.number in numbers:
                self._processes[each.number] = spawn(command, each.log)
        self.wait_ready()


def _another(taken: set[int]) -> int:
    port = free_port()
    while port in taken:
        port = free_port()
    taken.add(port)
    return port
