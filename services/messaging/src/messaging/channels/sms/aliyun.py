"""Aliyun's shape: Dysmsapi 2017-05-25, RPC with signature version 1.0, texts as approved templates."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

from messaging.channels.handing_over import Asked
from messaging.channels.protocol import Delivery
from messaging.channels.sms.answers import in_doubt, json_object, of_us
from messaging.channels.sms.message import Gateway, SmsMessage

URL = "https://dysmsapi.aliyuncs.com"
_CHINA = ZoneInfo("Asia/Shanghai")
_OF_US = ("isv.OUT_OF_SERVICE", "isv.AMOUNT_NOT_ENOUGH", "isv.ACCOUNT_", "isv.DAY_LIMIT_CONTROL",
          "isv.MONTH_LIMIT_CONTROL", "isv.PRODUCT_UN", "isp.RAM_PERMISSION_DENY", "SignatureDoesNotMatch",
          "SignatureNonceUsed", "InvalidAccessKeyId", "InvalidTimeStamp", "Forbidden",
          "isv.SMS_SIGNATURE_ILLEGAL", "isv.SMS_SIGN_ILLEGAL")  # fmt: skip
"""Beginnings of codes that are about the account or its signature."""
_OF_THE_MESSAGE = ("isv.SMS_TEMPLATE_ILLEGAL", "isv.TEMPLATE_", "isv.INVALID_", "isv.PARAM_", "isv.BLACK_KEY",
                   "isv.MOBILE_COUNT_OVER_LIMIT", "isv.SMS_CONTENT", "isv.DENY_IP_RANGE")  # fmt: skip
NO_SUCH_NUMBER = "isv.MOBILE_NUMBER_ILLEGAL"


def signature(method: str, params: Mapping[str, str], secret: str) -> str:
    """The value of `Signature` for all other parameters: HMAC-SHA1 over the canonical query, keyed by `secret&`."""
    canonical = "&".join(f"{_encoded(name)}={_encoded(params[name])}" for name in sorted(params))
    signed = f"{method}&{_encoded('/')}&{_encoded(canonical)}"
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), signed.encode(), "sha1")).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


@dataclass(frozen=True)
class Aliyun(Gateway):
    """SendSms with `OutId` as our reference, by which QuerySendDetails and the receipts name the message."""

    needs_template: ClassVar[bool] = True
    url: str
    account: str
    secret: str = field(repr=False)
    sender: str

    def send(self, message: SmsMessage, now: datetime, nonce: str) -> Asked:
        return self._signed(
            {
                "Action": "SendSms",
                "PhoneNumbers": message.to.removeprefix("+"),
                "SignName": self.sender,
                "TemplateCode": message.template or "",
                "TemplateParam": orjson.dumps(dict(message.values)).decode(),
                "OutId": message.reference,
            },
            now,
            nonce,
        )

    def delivery(self, status: int, body: bytes) -> Delivery:
        answer = json_object(body)
        code = answer.get("Code") if answer is not None else None
        if status == 429 or (isinstance(code, str) and code.startswith("Throttling")):
            return of_us("throttled", at_once=False)
        if status == 503 and not isinstance(code, str):
            return of_us("http_503")
        if not isinstance(code, str):
            return in_doubt(f"http_{status}" if status != 200 else "answer_not_understood")
        if code == "OK":
            return Delivery("accepted")
        if status >= 500 or code.startswith("isp.SYSTEM_ERROR"):
            return in_doubt(code)
        if code == NO_SUCH_NUMBER:
            return Delivery("refused", code, "answer", address_bad=True)
        if code.startswith(_OF_US):
            return of_us(code)
        if code.startswith(_OF_THE_MESSAGE):
            return Delivery("refused", code, "answer")
        return Delivery("later", code, "answer")  # isv.BUSINESS_LIMIT_CONTROL: too many to this number; any other

    def look_up(self, message: SmsMessage, since: datetime, now: datetime, nonce: str) -> Asked:
        return self._signed(
            {
                "Action": "QuerySendDetails",
                "PhoneNumber": message.to.removeprefix("+86").removeprefix("+"),
                "SendDate": since.astimezone(_CHINA).strftime("%Y%m%d"),
                "PageSize": "50",
                "CurrentPage": "1",
            },
            now,
            nonce,
        )

    def has_it(self, message: SmsMessage, since: datetime, status: int, body: bytes) -> bool:
        answer = json_object(body) if status == 200 else None
        listed = (answer or {}).get("SmsSendDetailDTOs")
        details = listed.get("SmsSendDetailDTO") if isinstance(listed, dict) else None
        return isinstance(details, list) and any(
            isinstance(d, dict) and d.get("OutId") == message.reference for d in details
        )

    def _signed(self, params: Mapping[str, str], now: datetime, nonce: str) -> Asked:
        form = {
            **params,
            "Version": "2017-05-25",
            "RegionId": "cn-hangzhou",
            "Format": "JSON",
            "AccessKeyId": self.account,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": nonce,
            "Timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Asked("POST", f"{self.url}/", {**form, "Signature": signature("POST", form, self.secret)})
