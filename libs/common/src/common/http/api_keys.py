"""API keys are made, listed and revoked at orders-ingest alone, and announced to every service: /v1/keys.

To rotate without a refused request: make the second key, give it to the caller when every service takes it (seconds
later), then revoke the first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from common.events import Event
from common.events.fields import Cursor, Identifier, PlannedTime, ShopName, Text
from common.events.shops import EVERY_SHOP, ApiKeyIssued, ApiKeyRevoked
from common.http.api import Body, Caller, Router, Tx, api_keys_of, require
from common.http.callers import EVERY, VOUCHES, new_api_key, parts_of
from common.http.problems import Problem
from common.http.scopes import SCOPES
from common.storage.database import Transaction

router = Router(prefix="/v1/keys", tags=["keys"])
Scope = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z-]*(:[a-z-]+)?)$", max_length=60)]
Admin = Annotated[Caller, require("keys:admin")]


class UnknownKey(Problem):
    def __init__(self, prefix: str) -> None:
        super().__init__(404, "unknown_key", f"There is no key {prefix!r} that counts; GET /v1/keys lists yours.")


class BeyondOwnRights(Problem):
    def __init__(self, what: str) -> None:
        super().__init__(403, "beyond_own_rights", f"A key gives only what it has itself, and this one lacks {what}.")


class UnknownScope(Problem):
    def __init__(self, scope: str) -> None:
        known = ", ".join(f"`{each}`" for each in SCOPES)
        super().__init__(422, "unknown_scope", f"There is no scope `{scope}`; choose among {known}, or `*` for all.")


class KeyIn(Body):
    """Who may do what: one shop or every shop, and scopes, which hold in every service."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "web shop", "shop": "tea", "scopes": ["events:write", "orders:read"]}]
        },
    )
    name: Annotated[Text, Field(min_length=1, max_length=100, description="who uses it")]
    shop: ShopName | Literal["*"] = Field(description="`*`: every shop")
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=50,
        description="; ".join(f"`{scope}`: {allows}" for scope, allows in SCOPES.items()) + "; `*`: all of them",
    )
    expires_at: PlannedTime | None = None


class KeyOut(BaseModel):
    prefix: str
    name: str
    shop: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None


class OwnKeyOut(BaseModel):
    """The key that asks."""

    prefix: str
    shop: str
    scopes: list[str]


class NewKeyOut(KeyOut):
    """`key` is shown this once."""

    key: str


@router.post("", status_code=201)
async def make_key(body: KeyIn, request: Request, caller: Admin, tx: Tx) -> NewKeyOut:
    """Make a key, of the caller's shop and with the caller's scopes at most. It counts here at once, in another
    service when that has read of it: within seconds."""
    if not caller.of_shop(body.shop):
        raise BeyondOwnRights(f"the shop {body.shop!r}")
    for scope in body.scopes:
        if not caller.may(scope):
            raise BeyondOwnRights(f"the scope `{scope}`")
    for scope in body.scopes:
        # A key that opens nothing would be noticed only when its holder is refused.
        if scope != EVERY and scope not in SCOPES:
            raise UnknownScope(scope)
    key = new_api_key()
    parts = parts_of(key)
    assert parts is not None
    prefix, secret = parts
    hashed, scopes = api_keys_of(request.app).hash(secret), sorted(set(body.scopes))
    now = tx.clock.now()
    # One in four thousand million draws of a prefix that is taken raises here, and is asked for again.
    await tx.execute(
        """
        insert into api_keys (prefix, hash, shop, scopes, name, created_at, expires_at)
        values (:prefix, :hash, :shop, cast(:scopes as text[]), :name, :now, :expires_at)
        """,
        prefix=prefix,
        hash=hashed,
        shop=body.shop,
        scopes=scopes,
        name=body.name,
        now=now,
        expires_at=body.expires_at,
    )
    issued = ApiKeyIssued(
        prefix=prefix, hash=hashed.hex(), shop=body.shop, scopes=scopes, name=body.name, expires_at=body.expires_at
    )
    await _tell(tx, body.shop, f"key-{prefix}-issued", issued)
    return NewKeyOut(
        key=key,
        prefix=prefix,
        name=body.name,
        shop=body.shop,
        scopes=scopes,
        created_at=now,
        expires_at=body.expires_at,
    )


async def _tell(tx: Transaction, shop: str, id_: str, data: ApiKeyIssued | ApiKeyRevoked) -> None:
    """Announce it in the transaction that stores it, to every service."""
    shop = EVERY_SHOP if shop == EVERY else shop
    await tx.announce(
        [Event(id_, f"/shops/{shop}/{tx.service}", shop, None, tx.clock.now(), data, partitionkey="api-keys")]
    )


@router.get("")
async def list_keys(
    caller: Admin,
    tx: Tx,
    shop: Annotated[ShopName | None, Query(description="those of this shop alone, of a caller for every shop")] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[KeyOut]:
    """The keys of the caller's shop, revoked ones too, by prefix; no secrets."""
    rows = await tx.fetch(
        """
        select prefix, name, shop, scopes, created_at, expires_at, revoked_at from api_keys
        where (:shop = :every or shop = :shop) and (cast(:wanted as text) is null or shop = :wanted)
          and prefix > :after order by prefix limit :limit
        """,
        shop=caller.shop,
        every=EVERY,
        wanted=shop,
        after=after,
        limit=limit,
    )
    return [KeyOut.model_validate(dict(row._mapping)) for row in rows]


@router.get("/own")
async def get_own_key(caller: Annotated[Caller, require(VOUCHES)]) -> OwnKeyOut:
    """What the key is that asks, for who signs people in and speaks for them, as the console does: 403 says that all
    of them are one person by this key."""
    return OwnKeyOut(prefix=caller.key_id, shop=caller.shop, scopes=sorted(caller.scopes))


@router.delete("/{prefix}", status_code=204)
async def revoke_key(prefix: Identifier, request: Request, caller: Admin, tx: Tx) -> Response:
    """Revoke a key of the caller's shop: at once in this process, within a second in this service's others,
    and in another service when that has read of it: within seconds."""
    # Revoking twice, or another shop's key, finds nothing.
    shop = await tx.value(
        """
        update api_keys set revoked_at = :now
        where prefix = :prefix and revoked_at is null and (:shop = :every or shop = :shop)
        returning shop
        """,
        now=tx.clock.now(),
        prefix=prefix,
        shop=caller.shop,
        every=EVERY,
    )
    if shop is None:
        raise UnknownKey(prefix)
    await _tell(tx, shop, f"key-{prefix}-revoked", ApiKeyRevoked(prefix=prefix))
    api_keys_of(request.app).forget(prefix)
    return Response(status_code=204)
