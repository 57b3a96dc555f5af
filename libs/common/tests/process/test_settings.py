"""A process starts with a complete environment only, and says what is missing without showing secrets."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from common.process.settings import InvalidSettings, Settings, load_settings

MASTER = base64.b64encode(bytes(32)).decode()
COMPLETE = {
    "DATABASE_URL": "postgresql://membership:pa55word@localhost:5432/membership",
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "MASTER_KEY": MASTER,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_defaults_of_a_complete_environment(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings(Settings)
    assert settings.database_url == "postgresql+asyncpg://membership:pa55word@localhost:5432/membership"
    assert settings.master_key.get_secret_value() == MASTER
    assert (settings.http_host, settings.max_batch, settings.session_timeout_ms) == ("127.0.0.1", 1_000, 30_000)
    assert settings.pool_size == 10
    assert settings.set_clock is False
    assert settings.bootstrap_api_key is None


def test_one_sentence_names_everything_that_is_missing(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    environment.setenv("MASTER_KEY", "")  # empty is missing
    with pytest.raises(InvalidSettings) as caught:
        load_settings(Settings)
    assert str(caught.value) == "Cannot start: set DATABASE_URL, MASTER_KEY in the environment."


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DATABASE_URL", "mysql://u:pa55word@h/d", "DATABASE_URL: must begin with postgresql://"),
        ("MASTER_KEY", "bm90IDMyIGJ5dGVz", "MASTER_KEY: MASTER_KEY must be 32 random bytes"),
        ("BOOTSTRAP_API_KEY", "guess-me", "BOOTSTRAP_API_KEY: must have at least 24 characters"),
        ("PUBLIC_URL", "shop.example.org", "PUBLIC_URL: must begin with https://"),
        ("HTTP_PORT", "99999", "HTTP_PORT: "),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: "),
    ],
)
def test_an_unusable_value_is_named_and_not_shown(
    environment: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings(Settings)
    assert says in str(caught.value)
    assert value not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_value_set_is_a_value_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SET_CLOCK", "1")
    environment.setenv("LOG_LEVEL", "debug")
    environment.setenv("PUBLIC_URL", "https://shop.example.org/")
    settings = load_settings(Settings)
    assert settings.set_clock is True
    assert settings.log_level == "DEBUG"
    assert settings.public_url == "https://shop.example.org"


def test_no_secret_shows_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BOOTSTRAP_API_KEY", "x" * 30)
    shown = repr(load_settings(Settings)) + str(load_settings(Settings))
    for secret in ("pa55word", MASTER, "x" * 30):
        assert secret not in shown
    assert os.environ["MASTER_KEY"] == MASTER


def test_secrets_are_read_from_files_and_the_environment_goes_before_them(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SEC-001: a container's environment is shown by `inspect`; a file is not."""
    for name in ("DATABASE_URL", "MASTER_KEY"):
        environment.delenv(name)
    (tmp_path / "database_url").write_text("postgresql://membership:from-a-file@db:5432/membership\n")
    (tmp_path / "master_key").write_text(MASTER + "\n")
    (tmp_path / "bootstrap_api_key").write_text("f" * 48)
    environment.setenv("SECRETS_DIR", str(tmp_path))
    settings = load_settings(Settings)
    assert settings.database_url == "postgresql+asyncpg://membership:from-a-file@db:5432/membership"
    assert settings.master_key.get_secret_value() == MASTER
    assert settings.bootstrap_api_key is not None
    environment.setenv("DATABASE_URL", COMPLETE["DATABASE_URL"])
    assert "pa55word" in load_settings(Settings).database_url


def test_the_key_for_setting_up_is_left_away_by_emptying_its_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bootstrap_api_key").write_text("\n")
    environment.setenv("SECRETS_DIR", str(tmp_path))
    assert load_settings(Settings).bootstrap_api_key is None


def test_a_folder_of_secrets_that_is_not_there_is_no_error_where_the_environment_has_all(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("SECRETS_DIR", str(tmp_path / "none"))
    assert load_settings(Settings).master_key.get_secret_value() == MASTER


def test_an_unusable_secret_in_a_file_is_named_and_not_shown(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("MASTER_KEY")
    environment.setenv("SECRETS_DIR", str(tmp_path))
    (tmp_path / "master_key").write_text("bm90IDMyIGJ5dGVz")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(Settings)
    assert "MASTER_KEY" in str(caught.value)
    assert "bm90" not in str(caught.value)


def test_secrets_that_cannot_be_read_give_a_sentence(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("SECRETS_DIR", str(tmp_path))
    (tmp_path / "master_key").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSettings, match=r"the files in SECRETS_DIR .* cannot be read \(UnicodeDecodeError\)"):
        load_settings(Settings)
