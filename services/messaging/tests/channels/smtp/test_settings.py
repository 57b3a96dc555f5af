"""Settings of the mail server that cannot be used are named, and their values not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.process.settings import InvalidSettings, load_settings
from messaging.channels.smtp.channel import SmtpChannel
from messaging.channels.smtp.settings import SmtpSettings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SMTP_CA_FILE", "/nowhere.pem", "SMTP_CA_FILE: cannot be read"),
        ("SMTP_USER", "postmaster", "mend SMTP_USER and SMTP_PASSWORD: set both, or neither"),
        ("SMTP_TLS", "ssl", "SMTP_TLS: "),
    ],
)
def test_an_unusable_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings(SmtpSettings)
    assert says in str(caught.value)
    assert value not in str(caught.value)


def test_the_channel_speaks_to_the_server_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SMTP_HOST": "mail.example", "SMTP_USER": "ann", "SMTP_PASSWORD": "pa55word"}.items():
        monkeypatch.setenv(name, value)
    server = SmtpChannel.opened(load_settings(SmtpSettings)).server
    assert (server.host, server.port, server.user, server.password) == ("mail.example", 1025, "ann", "pa55word")
    assert "pa55word" not in repr(load_settings(SmtpSettings))


def test_an_empty_file_of_a_password_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As docker-compose.yml binds it for a mail server without a login."""
    (tmp_path / "smtp_password").write_text("\n")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    assert load_settings(SmtpSettings).smtp_password is None
