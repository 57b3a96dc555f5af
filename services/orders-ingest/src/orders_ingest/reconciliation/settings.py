"""Where lists of orders may be asked for, as the environment describes it."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class OrderListSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    order_lists_private_hosts: bool = Field(
        False, description="true: lists of orders on this machine and in private networks too, over http as well"
    )
