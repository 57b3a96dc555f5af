"""Where chat robots may be, as the environment describes it."""

from __future__ import annotations

import base64

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChatSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    chat_hosts: str = Field(
        "qyapi.weixin.qq.com", description="hosts of WeCom's robots, by commas; a webhook elsewhere is not written to"
    )
    chat_dingtalk_hosts: str = Field("oapi.dingtalk.com", description="hosts of DingTalk's robots, by commas")
    chat_bridge_hosts: str = Field(
        "", description="hosts of the shop's own bridge to another chat, such as Wangwang, by commas"
    )
    chat_bridge_secret: SecretStr = Field(
        SecretStr(""), description="whsec_ and base64: signs what goes to the bridge; empty: nothing is signed"
    )
    chat_private_hosts: bool = Field(
        False, description="true: robots on this machine and in private networks too, over http as well, for tests"
    )
    chat_connections: int = Field(2, ge=1, le=100, description="messages handed over at a time, by each process")
    chat_connect_s: float = Field(10, gt=0, le=300, description="seconds to wait for a connection to the robot")
    chat_answer_s: float = Field(30, gt=0, le=300, description="for its answer; then the message is in doubt")

    @field_validator("chat_bridge_secret")
    @classmethod
    def _readable(cls, secret: SecretStr) -> SecretStr:
        try:
            base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
        except ValueError:
            raise ValueError("the secret is whsec_ and base64") from None
        return secret
