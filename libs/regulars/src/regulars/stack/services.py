"""The services of the stack, and the environment of each."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the operator sees it; ``python -m <package>.main`` runs it."""

    name: str
    package: str
    port: int
    purpose: str = ""
    sends_mail: bool = False

    @property
    def database(self) -> str:
        """Name of its database and of the role that owns it."""
        return self.package


SERVICES = (
    Service("orders-ingest", "orders_ingest", 8101, "orders, customers and files come in"),
    Service("membership", "membership", 8102, "tiers, points, redemptions"),
    Service("segmentation", "segmentation", 8103, "stage, life cycle, RFM"),
    Service("messaging", "messaging", 8104, "what may be sent, when, to whom", sends_mail=True),
    Service("feedback", "feedback", 8105, "surveys and reviews"),
)


CONSOLE = Service("console", "console", 8100, "pages for the shop's people")
"""Asks all the others by HTTP, reads no topic, and keeps people and sessions alone: no command for services is its."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every service of a stack shares."""

    kafka: str
    master_key: str
    api_key: str
    log_level: str = "INFO"
    set_clock: bool = False
    mail: Mapping[str, str] = field(default_factory=dict)
    """Settings of the mail server (`SMTP_HOST` and what else is set of `SMTP`), by their names."""
    further_keys: Mapping[str, str] = field(default_factory=dict)
    """Settings of master keys that came after the founding one."""
    photos: str | None = None
    """Folder in which feedback keeps photos; None: it takes none."""


def settings_of(
    service: Service, port: int, database_url: str, around: Surroundings, public_port: int | None = None
) -> dict[str, str]:
    """The settings of one service's process, without the rest of the environment.

    `public_port` where links lead to another process than this one.
    """
    settings = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": around.kafka,
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{public_port or port}",
        "MASTER_KEY": around.master_key,
        "BOOTSTRAP_API_KEY": around.api_key,
        "LOG_LEVEL": around.log_level,
        **around.further_keys,
    }
    if around.set_clock:
        settings["SET_CLOCK"] = "1"
    if service.sends_mail:
        settings |= around.mail
    if service.name == "feedback" and around.photos is not None:
        settings["PHOTO_DIR"] = around.photos
    return settings


def settings_of_console(
    port: int, database_url: str, around: Surroundings, services: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """The settings of the console's process; `services`: those of the services that it asks, by name."""
    return {
        **{name: value for name, value in around.mail.items() if name in SMTP_OF_CONSOLE},
        "DATABASE_URL": database_url,
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PLAIN_HTTP": "1",
        "MASTER_KEY": around.master_key,
        "SERVICES_API_KEY": around.api_key,
        "LOG_LEVEL": around.log_level,
    } | {_url_name(name): f"http://{its['HTTP_HOST']}:{its['HTTP_PORT']}" for name, its in services.items()}


def _url_name(service: str) -> str:
    return f"{service.upper().replace('-', '_')}_URL"


SMTP = (
    "SMTP_HOST",
    "SMTP_PORT",
    "SMTP_TLS",
    "SMTP_TLS_VERIFY",
    "SMTP_CA_FILE",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "SMTP_DKIM_DOMAIN",
    "SMTP_DKIM_SELECTOR",
    "SMTP_DKIM_KEY_FILE",
    "SMTP_CONNECTIONS",
    "SMTP_CONNECT_S",
    "SMTP_COMMAND_S",
    "SMTP_DATA_S",
    "SMTP_TEXT_S",
)
"""Settings of the mail server, as messaging reads them."""
SMTP_OF_CONSOLE = ("SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "SMTP_CA_FILE", "SMTP_USER", "SMTP_PASSWORD")
"""Those that the console reads too, for reports to the shop's people."""


def own_mail_server(environment: Mapping[str, str]) -> dict[str, str]:
    """The operator's mail server, where SMTP_HOST names one; empty otherwise: then the stack starts a mail sink."""
    if not environment.get("SMTP_HOST"):
        return {}
    return {name: environment[name] for name in SMTP if environment.get(name)}


# What belongs to another process's settings must not leak into a service's.
_OURS = frozenset(
    {
        "DATABASE_URL",
        "OWNER_DATABASE_URL",
        "LIVE_DATABASE_URL",
        "KAFKA_BOOTSTRAP_SERVERS",
        "HTTP_HOST",
        "HTTP_PORT",
        "LIVE_PORT",
        "PUBLIC_URL",
    }
    | {"MASTER_KEY", "MASTER_KEYS", "MASTER_KEY_ID", "BOOTSTRAP_API_KEY", "LOG_LEVEL", "SET_CLOCK", *SMTP}
    | {"SERVICES_API_KEY", "PLAIN_HTTP", *(_url_name(service.name) for service in SERVICES)}
)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a service's process: ours, with its settings and nobody else's."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    return inherited | {"PYTHONUNBUFFERED": "1"} | dict(settings)
