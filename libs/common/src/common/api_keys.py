"""How are API keys made, listed and revoked? POST, GET and DELETE /v1/keys.

To rotate without a refused request: make the second key, give it to the caller, then revoke the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from common.api import Caller, Tx, api_keys_of, require, scopes_of
from common.callers import EVERY, new_api_key, parts_of
from common.events.fields import Cursor, Identifier, PlannedTime, ShopName, Text
from common.problems import Problem

router = APIRouter(prefix="/v1/keys", tags=["keys"])
Scope = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z-]*(:[a-z-]+)?)$", max_length=60)]
Admin = Annotated[Caller, require("keys:admin")]


class UnknownKey(Problem):
    def __init__(self, prefix: str) -> None:
        super().__init__(404, "unknown_key", f"There is no key {prefix!r} that counts; GET /v1/keys lists yours.")


class KeyExists(Problem):
    def __init__(self) -> None:
        super().__init__(409, "key_exists", "This key, or another with its prefix, is there already; make a new one.")


class BeyondOwnRights(Problem):
    def __init__(self, what: str) -> None:
        super().__init__(403, "beyond_own_rights", f"A key gives only what it has itself, and this one lacks {what}.")


class UnknownScope(Problem):
    def __init__(self, scope: str, known: Iterable[str]) -> None:
        super().__init__(
            422, "unknown_scope", f"No route of this service asks for the scope `{scope}`; they ask for "
            f"{', '.join(sorted(known))}. A key that is to count in several services is given to each with its own.",
        )  # fmt: skip


class KeyIn(BaseModel):
    """`key`: one made elsewhere, to make the same key count in another service; absent: a new one is made."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[Text, Field(min_length=1, max_length=100, description="who uses it")]
    shop: ShopName | Literal["*"] = Field(description="`*`: every shop")
    scopes: list[Scope] = Field(min_length=1, max_length=50)
    expires_at: PlannedTime | None = None
    key: SecretStr | None = None


class KeyOut(BaseModel):
    prefix: str
    name: str
    shop: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None


class NewKeyOut(KeyOut):
    """`key` is shown this once."""

    key: str


@router.post("", status_code=201)
async def make_key(body: KeyIn, request: Request, caller: Admin, tx: Tx) -> NewKeyOut:
    """Make a key, of the caller's shop and with the caller's scopes at most."""
    if not caller.of_shop(body.shop):
        raise BeyondOwnRights(f"the shop {body.shop!r}")
    for scope in body.scopes:
        if not caller.may(scope):
            raise BeyondOwnRights(f"the scope `{scope}`")
    known = scopes_of(request.app)
    for scope in body.scopes:
        # A key that opens nothing would be noticed only when its holder is refused.
        if scope != EVERY and scope not in known:
            raise UnknownScope(scope, known)
    key = body.key.get_secret_value() if body.key else new_api_key()
    parts = parts_of(key)
    if parts is None:
        raise Problem(422, "invalid_key", "`key` must be one that POST /v1/keys made: rk_<8 characters>_<secret>.")
    prefix, secret = parts
    keys = api_keys_of(request.app)
    now = tx.clock.now()
    # A prefix that is taken inserts nothing.
    made = await tx.execute(
        """
        insert into api_keys (prefix, hash, shop, scopes, name, created_at, expires_at)
        values (:prefix, :hash, :shop, cast(:scopes as text[]), :name, :now, :expires_at)
        on conflict (prefix) do nothing
        """,
        prefix=prefix, hash=keys.hash(secret), shop=body.shop, scopes=sorted(set(body.scopes)), name=body.name,
        now=now, expires_at=body.expires_at,
    )  # fmt: skip
    if not made:
        raise KeyExists
    return NewKeyOut(
        key=key, prefix=prefix, name=body.name, shop=body.shop, scopes=sorted(set(body.scopes)), created_at=now,
        expires_at=body.expires_at,
    )  # fmt: skip


@router.get("")
async def list_keys(
    caller: Admin, tx: Tx, after: Cursor = "", limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[KeyOut]:
    """The keys of the caller's shop, revoked ones too, by prefix; no secrets."""
    rows = await tx.fetch(
        """
        select prefix, name, shop, scopes, created_at, expires_at, revoked_at from api_keys
        where (:shop = :every or shop = :shop) and prefix > :after order by prefix limit :limit
        """,
        shop=caller.shop, every=EVERY, after=after, limit=limit,
    )  # fmt: skip
    return [KeyOut.model_validate(dict(row._mapping)) for row in rows]


@router.delete("/{prefix}", status_code=204)
async def revoke_key(prefix: Identifier, request: Request, caller: Admin, tx: Tx) -> Response:
    """Revoke a key of the caller's shop: at once in this process, within five seconds in others."""
    # Revoking twice, or another shop's key, finds nothing.
    revoked = await tx.execute(
        """
        update api_keys set revoked_at = :now
        where prefix = :prefix and revoked_at is null and (:shop = :every or shop = :shop)
        """,
        now=tx.clock.now(), prefix=prefix, shop=caller.shop, every=EVERY,
    )  # fmt: skip
    if not revoked:
        raise UnknownKey(prefix)
    api_keys_of(request.app).forget(prefix)
    return Response(status_code=204)
