"""A small identity provider on this machine: it signs real tokens and checks what a real one checks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import uvicorn
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response

CLIENT, SECRET = "regulars-console", "a secret of the console for tests!"


@dataclass
class LocalProvider:
    """`claims` go into the next token; `spoil` is a change of the token's making that an attacker would wish for."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    spoil: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    given: int = 0
    """Tokens that were given for codes."""

    def token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        body = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims}
        spoilt: dict[str, dict[str, Any]] = {
            "another audience": {"aud": "somebody-else"},
            "several audiences": {"aud": [CLIENT, "somebody-else"]},
            "another issuer": {"iss": "https://evil.example"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "another nonce": {"nonce": "of another browser"},
            "no subject": {"sub": ""},
        }
        body |= spoilt.get(self.spoil, {})
        if self.spoil == "no end":
            del body["exp"]
        if self.spoil == "unsigned":
            parts = ({"alg": "none"}, body)
            return ".".join(base64.urlsafe_b64encode(str(p).replace("'", '"').encode()).decode() for p in parts) + "."
        if self.spoil == "signed with the client's secret":
            return jwt.encode({"alg": "HS256"}, body, OctKey.import_key(SECRET))
        key = RSAKey.generate_key(2048, {"kid": "one"}) if self.spoil == "another key" else self.key
        return jwt.encode({"alg": "RS256", "kid": str(key.kid)}, body, key)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def configuration() -> dict[str, str]:
            at = self.issuer
            return {
                "issuer": "https://evil.example" if self.spoil == "calls itself another" else at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/keys",
                **({} if self.spoil == "no way out" else {"end_session_endpoint": f"{at}/out?from=us"}),
            }

        @app.get("/keys")
        async def keys() -> Any:
            return KeySet([self.key]).as_dict(private=False)

        @app.get("/authorize")
        async def authorize(request: Request) -> Response:
            asked, code = dict(request.query_params), secrets.token_urlsafe()
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"], "iss": self.issuer}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 303)

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = await request.form()
            asked = self.codes.pop(str(form["code"]), None)
            given = base64.b64encode(f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
            challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
            if (
                asked is None
                or challenge.rstrip(b"=").decode() != asked["code_challenge"]
                or form["redirect_uri"] != asked["redirect_uri"]
                or request.headers.get("authorization") != f"Basic {given}"
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            self.given += 1
            return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.token(asked)})

        return app


@contextlib.asynccontextmanager
async def local_provider() -> AsyncIterator[LocalProvider]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        found = LocalProvider(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(found.app(), log_config=None, lifespan="off"))
        running = asyncio.create_task(server._serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield found
        finally:
            server.should_exit = True
            await running
