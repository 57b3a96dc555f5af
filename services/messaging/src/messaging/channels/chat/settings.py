"""Where chat robots may be, as the environment describes it."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChatSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    chat_hosts: str = Field(
        "qyapi.weixin.qq.com", description="hosts of chat robots, by commas; a webhook elsewhere is not written to"
    )
    chat_private_hosts: bool = Field(
        False, description="true: robots on this machine and in private networks too, over http as well, for tests"
    )
    chat_connect_s: float = Field(10, gt=0, le=300, description="seconds to wait for a connection to the robot")
    chat_answer_s: float = Field(30, gt=0, le=300, description="for its answer; then the message is in doubt")
