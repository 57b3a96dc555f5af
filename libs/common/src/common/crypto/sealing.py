"""Encryption of personal data: AES-256-GCM with a key per customer, wrapped by the installation's master key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, TypeVar, get_args, get_origin

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel

from common.events.envelope import Event, EventData, InvalidEvent
from common.events.fields import MAX_PERSONAL, SEALED, Personal

D = TypeVar("D", bound=EventData)
_NONCE = 12
_PREFIX = f"{SEALED}v1:"
_BYTES = b"bytes:"  # no text of a field opens as a body, nor the other way round


class InvalidMasterKey(ValueError):
    """MASTER_KEY is not 32 bytes in base64."""


class SealBroken(Exception):
    """A ciphertext that does not open: another key, another place (shop, customer, field), or changed bytes."""


def master_key_from(text: str) -> bytes:
    """The 32 bytes of a base64 text (standard or URL alphabet). Raises InvalidMasterKey, which never shows the text."""
    standard = text.strip().replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise InvalidMasterKey("MASTER_KEY must be 32 random bytes in base64; make one with `openssl rand -base64 32`")
    return key


def derived_key(master: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose (`dead-letters`, `api-keys`): HKDF-SHA256 of the master key (RFC 5869)."""
    return HKDF(SHA256(), 32, None, f"regulars:{purpose}".encode()).derive(master)


def blind_index(key: bytes, text: str) -> bytes:
    """16 bytes by which an encrypted text is found again: keyed BLAKE2b. `key` from `derived_key`, one per purpose."""
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).digest()


def new_key() -> bytes:
    return AESGCM.generate_key(256)


def new_key_id() -> str:
    return secrets.token_hex(8)


def _place(*parts: str) -> bytes:
    # A JSON array, so that ("ab", "c") and ("a", "bc") are two places.
    return orjson.dumps(parts)


def _encrypt(plain: bytes, key: bytes, place: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, place)


def _decrypt(sealed: bytes, key: bytes, place: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
    except (InvalidTag, ValueError):
        raise SealBroken("the ciphertext does not open: another key, another place, or changed bytes") from None


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SealBroken("the ciphertext is not base64") from None


def wrap(master: bytes, key: bytes, shop: str, customer: str) -> str:
    """A customer's key, encrypted with the master key, in base64."""
    return base64.b64encode(_encrypt(key, master, _place("key", shop, customer))).decode()


def unwrap(master: bytes, wrapped: str, shop: str, customer: str) -> bytes:
    """The key that `wrap` wrapped. Raises SealBroken: another master key, or another customer's key."""
    return _decrypt(_unbase64(wrapped), master, _place("key", shop, customer))


def is_sealed(text: str) -> bool:
    return text.startswith(_PREFIX)


def seal(text: str, key: bytes, key_id: str, shop: str, customer: str, field: str) -> str:
    """`enc:v1:<key_id>:<base64 of nonce and ciphertext>`; opens only at the same (shop, customer, field).

    Seals whatever it is given, also a text that looks sealed: who sends one must not pass for us.
    Raises InvalidEvent for a text longer than personal text may be.
    """
    if len(text) > MAX_PERSONAL:
        raise InvalidEvent("invalid_data", f"data.{field}: personal text has at most {MAX_PERSONAL} characters")
    sealed = _encrypt(text.encode("utf-8", "surrogatepass"), key, _place("field", shop, customer, field))
    return f"{_PREFIX}{key_id}:{base64.b64encode(sealed).decode()}"


def open_sealed(text: str, key: bytes, shop: str, customer: str, field: str) -> str:
    """The text that was sealed there. Raises SealBroken."""
    if not is_sealed(text):
        raise SealBroken("this text is not sealed")
    raw = _unbase64(text.rpartition(":")[2])
    return _decrypt(raw, key, _place("field", shop, customer, field)).decode("utf-8", "surrogatepass")


def seal_bytes(body: bytes, key: bytes, *, aad: bytes) -> bytes:
    """A raw body (archive, dead letter), bound to the place that `aad` names."""
    return _PREFIX.encode() + _encrypt(body, key, _BYTES + aad)


def open_bytes(sealed: bytes, key: bytes, *, aad: bytes) -> bytes:
    """The body that `seal_bytes` sealed for the same place. Raises SealBroken."""
    if not sealed.startswith(_PREFIX.encode()):
        raise SealBroken("this body is not sealed")
    return _decrypt(sealed[len(_PREFIX) :], key, _BYTES + aad)


def key_id_of(sealed: str) -> str:
    """Which key a sealed text asks for. Raises SealBroken where it is none."""
    if not is_sealed(sealed):
        raise SealBroken("this text is not sealed")
    return sealed.removeprefix(_PREFIX).partition(":")[0]


@dataclass(frozen=True, slots=True)
class PersonalFields:
    """Where personal text stands in a class: its own fields, and fields that hold models which have some."""

    own: tuple[str, ...]
    nested: tuple[str, ...]


@cache
def personal_fields(model: type[BaseModel]) -> PersonalFields:
    """The fields marked `Personal`, found once per class. Raises TypeError for one that could not be left out."""
    own, nested = [], []
    for name, info in model.model_fields.items():
        marked = any(isinstance(m, Personal) for m in info.metadata) or _marked(info.annotation)
        if marked and info.is_required():
            raise TypeError(f"{model.__name__}.{name} is personal, so it must be optional: erasure leaves it out")
        if marked:
            own.append(name)
        elif any(_has_personal(inner) for inner in _models_in(info.annotation)):
            nested.append(name)
    return PersonalFields(tuple(own), tuple(nested))


def _has_personal(model: type[BaseModel]) -> bool:
    fields = personal_fields(model)
    return bool(fields.own or fields.nested)


def _marked(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return any(isinstance(m, Personal) for m in annotation.__metadata__) or _marked(annotation.__origin__)
    return any(_marked(part) for part in get_args(annotation))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


Change = Callable[[str, str], str | None]
"""(text, dotted path of its field) -> what to put in its place."""
M = TypeVar("M", bound=BaseModel)


def map_personal(model: M, change: Change, prefix: str = "") -> M:
    """A copy with every personal text changed; None and absent texts stay as they are."""
    fields = personal_fields(type(model))
    update: dict[str, Any] = {}
    for name in fields.own:
        update[name] = _mapped(getattr(model, name), partial(_swap, change, prefix + name))
    for name in fields.nested:
        update[name] = _mapped(getattr(model, name), partial(_descend, change, f"{prefix}{name}."))
    present = {name: value for name, value in update.items() if value is not getattr(model, name)}
    return model.model_copy(update=present) if present else model


def _swap(change: Change, path: str, text: str) -> str | None:
    return change(text, path)


def _descend(change: Change, prefix: str, model: M) -> M:
    return map_personal(model, change, prefix)


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple | list):
        return type(value)(new for item in value if (new := _mapped(item, change)) is not None)
    if isinstance(value, dict):
        return {k: new for k, item in value.items() if (new := _mapped(item, change)) is not None}
    return change(value)


def seal_event(event: Event[D], key: bytes, key_id: str) -> Event[D]:
    """The event with its personal fields sealed for its customer. Seal once. Raises ValueError without a customer."""
    shop, customer = event.customer
    return event.with_data(map_personal(event.data, lambda text, path: seal(text, key, key_id, shop, customer, path)))


def open_event(event: Event[D], key: bytes) -> Event[D]:
    """The event with its sealed fields opened; texts that are not sealed stay. Raises SealBroken."""
    shop, customer = event.customer

    def opened(text: str, path: str) -> str:
        return open_sealed(text, key, shop, customer, path) if is_sealed(text) else text

    return event.with_data(map_personal(event.data, opened))


def without_personal(event: Event[D]) -> Event[D]:
    """The event without its personal fields: of an erased customer, or an order without a customer."""
    return event.with_data(map_personal(event.data, lambda _text, _path: None))
