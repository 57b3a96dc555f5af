"""The identity provider over HTTP: discovery, the code's exchange, and the check of the token that comes of it."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from console.settings import ConsoleSettings

WITHIN_S = 5.0
KEPT_S = 3_600.0
LEEWAY_S = 60
LONGEST = 255
SCOPES = "openid profile email"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key that the provider alone has; what a client secret could sign is not taken."""


class ProviderAway(Exception):
    """The provider did not answer, or not as a provider does."""


class NotProven(Exception):
    """The token is not one that this issuer made for us, now and for this browser."""


class Provider:
    """The issuer of the settings; what it says of itself is kept for an hour."""

    def __init__(self, settings: ConsoleSettings) -> None:
        assert settings.oidc_issuer is not None
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id or ""
        self._secret = settings.oidc_client_secret
        self._back = f"{settings.public_url}/sign-in/back"
        self._out = f"{settings.public_url}/sign-in"
        self._known: dict[str, Any] = {}
        self._keys: Any = None
        self._until = 0.0

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in. Raises ProviderAway."""
        known = await self._discovered()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._back,
            "scope": SCOPES,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joined = "&" if "?" in known["authorization_endpoint"] else "?"
        return f"{known['authorization_endpoint']}{joined}{urlencode(asked)}"

    async def address_to_sign_out(self) -> str | None:
        """Where the browser ends its session with the provider, and comes back to our form; None: it has no such place.

        OpenID Connect RP-Initiated Logout 1.0, without a token as a hint: none is kept, so the provider may ask first.
        Raises ProviderAway.
        """
        found = (await self._discovered()).get("end_session_endpoint")
        if not isinstance(found, str):
            return None
        asked = {"client_id": self._client_id, "post_logout_redirect_uri": self._out}
        return f"{found}{'&' if '?' in found else '?'}{urlencode(asked)}"

    async def claims(self, code: str, verifier: str, nonce: str, issuer: str | None) -> dict[str, Any]:
        """What the token says that the code is exchanged for. Raises ProviderAway, NotProven.

        `issuer`: as the answer named it (RFC 9207), so that no other provider's answer is taken.
        """
        known = await self._discovered()
        if issuer is not None and issuer != self._issuer:
            raise NotProven("another issuer answered")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._back, "code_verifier": verifier}
        auth = None
        if self._secret is None:
            form["client_id"] = self._client_id
        else:
            # RFC 6749, 2.3.1: both as in a form.
            name, secret = (quote(each, safe="") for each in (self._client_id, self._secret.get_secret_value()))
            auth = httpx.BasicAuth(name, secret)
        try:
            async with httpx.AsyncClient(timeout=WITHIN_S, auth=auth) as client:
                answer = await client.post(known["token_endpoint"], data=form)
                body = answer.json() if answer.status_code < 500 else None
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderAway(repr(error)) from error
        if not isinstance(body, dict):
            raise ProviderAway(f"its token endpoint answered {answer.status_code}")
        if answer.status_code != 200 or not isinstance(body.get("id_token"), str):
            raise NotProven(f"the code was not taken: {body.get('error')}")
        return await self._checked(body["id_token"], nonce)

    async def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        # Loaded here: who has no provider does not pay for it.
        from joserfc import jwt
        from joserfc.errors import JoseError

        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        for fresh in (False, True):
            try:
                # Once more with keys that are asked for anew: providers change theirs at any time.
                found = jwt.decode(token, await self._key_set(fresh=fresh), algorithms=ALGORITHMS)
                break
            except (JoseError, ValueError) as error:
                if fresh:
                    raise NotProven(repr(error)) from error
        try:
            registry.validate(found.claims)
        except JoseError as error:
            raise NotProven(repr(error)) from error
        audience = found.claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and found.claims.get("azp") != self._client_id:
            raise NotProven("the token is for several, and not for us")
        subject = found.claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST or not subject.isprintable():
            raise NotProven("its subject is no name")
        return dict(found.claims)

    async def _discovered(self) -> dict[str, Any]:
        if time.monotonic() < self._until:
            return self._known
        known = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if known.get("issuer") != self._issuer:
            raise ProviderAway(f"it calls itself {known.get('issuer')!r}, not {self._issuer!r}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(known.get(name), str):
                raise ProviderAway(f"its configuration has no {name}")
        self._known, self._until = known, time.monotonic() + KEPT_S
        return known

    async def _key_set(self, *, fresh: bool) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        if self._keys is None or fresh:
            try:
                self._keys = KeySet.import_key_set(await self._get((await self._discovered())["jwks_uri"]))  # type: ignore[arg-type]
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise ProviderAway(repr(error)) from error
        return self._keys

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=WITHIN_S, follow_redirects=False) as client:
                answer = await client.get(url, headers={"accept": "application/json"})
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderAway(repr(error)) from error
        if answer.status_code != 200 or not isinstance(body, dict):
            raise ProviderAway(f"{url} answered {answer.status_code}")
        return body
