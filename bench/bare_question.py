"""The baseline of the checkout's question: a route of the same framework that takes the cart and reads one row.

`python -m bench.bare_question`: beside P9, on membership's own database.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

from common.storage.migrate import driver_url


class Cart(BaseModel):
    customer: str
    currency: str
    lines: list[dict[str, Any]]
    freight: int


class Total(BaseModel):
    total: int


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(driver_url(os.environ["DATABASE_URL"]), min_size=5, max_size=10) as pool:
        app.state.pool = pool
        yield


APP = FastAPI(lifespan=_lifespan)


@APP.post("/v1/shops/{shop}/checkout/quote")
async def quote(shop: str, cart: Cart, request: Request) -> Total:
    """The sum of the lines, once the customer's row was read."""
    query = "select state from customers where shop = $1 and customer = $2"
    await request.app.state.pool.fetchrow(query, shop, cart.customer)
    return Total(total=sum(line["price"] * line["quantity"] for line in cart.lines))


@APP.get("/health/ready")
async def ready() -> dict[str, str]:
    return {}


if __name__ == "__main__":
    uvicorn.run(
        APP,
        host="127.0.0.1",
        port=int(os.environ["HTTP_PORT"]),
        log_level="warning",
        access_log=False,
        http="httptools",
        loop="uvloop",
    )
