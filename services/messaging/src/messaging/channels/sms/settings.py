"""The SMS gateways, as the environment describes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, NamedTuple

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Shape = Literal["aliyun", "twilio"]


class Account(NamedTuple):
    """An account at a gateway."""

    shape: Shape
    url: str | None
    account: str
    secret: SecretStr
    sender: str


class SmsSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    sms_gateway: Shape | None = Field(None, description="shape of the gateway; without it text messages wait")
    sms_url: str | None = Field(None, pattern=r"^https?://", description="where it is; absent: the provider's own")
    sms_account: str = Field("", description="aliyun: AccessKeyId; twilio: AccountSid")
    sms_secret: SecretStr = Field(SecretStr(""), description="aliyun: AccessKeySecret; twilio: AuthToken")
    sms_sender: str = Field("", description="aliyun: SignName; twilio: the number, or the MessagingServiceSid (MG…)")
    sms_second_gateway: Shape | None = Field(
        None, description="shape of another gateway, for while the first refuses us or is away"
    )
    sms_second_url: str | None = Field(None, pattern=r"^https?://", description="where it is, as SMS_URL")
    sms_second_account: str = Field("", description="as SMS_ACCOUNT")
    sms_second_secret: SecretStr = Field(SecretStr(""), description="as SMS_SECRET")
    sms_second_sender: str = Field("", description="as SMS_SENDER")
    sms_templates: dict[str, str] = Field(
        {}, description='aliyun: TemplateCode by flow, or by flow and language: {"lapse": "SMS_1", "lapse/en": "SMS_2"}'
    )
    sms_per_second: float = Field(10, gt=0, le=1000, description="messages a second, of each process")
    sms_connections: int = Field(4, ge=1, le=100, description="messages handed over at a time, by each process")
    sms_most_segments: int = Field(6, ge=1, le=20, description="a text of more parts is not sent")
    sms_segment_cost: Decimal = Field(Decimal(0), ge=0, description="price of one part, for the metric sms_cost_total")
    sms_connect_s: float = Field(10, gt=0, le=300, description="seconds to wait for a connection to the gateway")
    sms_answer_s: float = Field(30, gt=0, le=300, description="for its answer; then it is asked what became of it")
    sms_look_up_s: float = Field(5, ge=0, le=30, description="seconds in which it is asked that; then it is in doubt")

    @property
    def first(self) -> Account | None:
        """The gateway that is tried first."""
        if self.sms_gateway is None:
            return None
        return Account(self.sms_gateway, self.sms_url, self.sms_account, self.sms_secret, self.sms_sender)

    @property
    def second(self) -> Account | None:
        """The gateway that is tried while the first is left alone."""
        if self.sms_second_gateway is None:
            return None
        return Account(
            self.sms_second_gateway,
            self.sms_second_url,
            self.sms_second_account,
            self.sms_second_secret,
            self.sms_second_sender,
        )

    @model_validator(mode="after")
    def _whole(self) -> SmsSettings:
        for name, account in (("SMS", self.first), ("SMS_SECOND", self.second)):
            if account is None:
                continue
            given = {"ACCOUNT": account.account, "SECRET": account.secret.get_secret_value(), "SENDER": account.sender}
            missing = [f"{name}_{field}" for field, value in given.items() if not value]
            if missing:
                raise ValueError(f"{name}_GATEWAY={account.shape} also needs {' and '.join(missing)}")
        if self.second is not None and self.first is None:
            raise ValueError("SMS_SECOND_GATEWAY is for while SMS_GATEWAY is away: set that one first")
        return self
