"""The SMS gateway, as the environment describes it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SmsSettings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    sms_gateway: Literal["aliyun", "twilio"] | None = Field(
        None, description="shape of the gateway; without it text messages wait"
    )
    sms_url: str | None = Field(None, pattern=r"^https?://", description="where it is; absent: the provider's own")
    sms_account: str = Field("", description="aliyun: AccessKeyId; twilio: AccountSid")
    sms_secret: SecretStr = Field(SecretStr(""), description="aliyun: AccessKeySecret; twilio: AuthToken")
    sms_sender: str = Field("", description="aliyun: SignName; twilio: the number, or the MessagingServiceSid (MG…)")
    sms_templates: dict[str, str] = Field(
        {}, description='aliyun: TemplateCode by flow, or by flow and language: {"lapse": "SMS_1", "lapse/en": "SMS_2"}'
    )
    sms_per_second: float = Field(10, gt=0, le=1000, description="messages a second, of each process")
    sms_most_segments: int = Field(6, ge=1, le=20, description="a text of more parts is not sent")
    sms_segment_cost: Decimal = Field(Decimal(0), ge=0, description="price of one part, for the metric sms_cost_total")
    sms_connect_s: float = Field(10, gt=0, le=300, description="seconds to wait for a connection to the gateway")
    sms_answer_s: float = Field(30, gt=0, le=300, description="for its answer; then it is asked what became of it")
    sms_look_up_s: float = Field(5, ge=0, le=30, description="seconds in which it is asked that; then it is in doubt")

    @model_validator(mode="after")
    def _whole(self) -> SmsSettings:
        if self.sms_gateway is not None:
            missing = [
                name.upper()
                for name in ("sms_account", "sms_secret", "sms_sender")
                if not (value := getattr(self, name)) or (isinstance(value, SecretStr) and not value.get_secret_value())
            ]
            if missing:
                raise ValueError(f"SMS_GATEWAY={self.sms_gateway} also needs {' and '.join(missing)}")
        return self
