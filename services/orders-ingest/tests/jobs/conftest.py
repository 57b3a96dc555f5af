"""Files of history as the tests import them: two texts, and an importer of them."""

from typing import Any

import httpx
import pytest

from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.jobs import imports as job

CDNOW = """customer_id,date,number_of_cds,dollar_value
00001,1997-01-01,1,11.77
00002,1997-01-12,1,12.00
00002,1997-01-12,5,77.00
00002,1997-01-12,5,77.00
00003,1997-01-02,0,0.00
00003,1997-13-02,1,4.00
00003,1997-07-02,1,-4.00
"""
RETAIL = '''InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,Red cup,10,2010-12-01 08:26,2.50,17850,United Kingdom
1,POST,POSTAGE,1,2010-12-01 08:27,18.00,17850,United Kingdom
2,A,Red cup,4,2010-12-02 09:00,2.00,17850,United Kingdom
C3,A,Red cup,-6,2010-12-03 09:00,2.10,17850,United Kingdom
C4,A,Red cup,-9,2010-12-04 09:00,2.50,17850,United Kingdom
C4,POST,POSTAGE,-1,2010-12-04 09:00,18.00,17850,United Kingdom
5,B,"Cup, ""blue""",3,2010-12-05 09:00,0.125,,France
6,C,,-5,2010-12-05 10:00,0,,United Kingdom
A7,B,Adjust bad debt,1,2010-12-06 09:00,-11.00,,United Kingdom
C8,D,Discount,-1,2010-12-07 09:00,5.00,17850,United Kingdom
'''


class Importing:
    """Uploads files to shop demo over HTTP, and takes their rows."""

    cdnow, retail = CDNOW, RETAIL

    def __init__(self, api: httpx.AsyncClient, db: Database, vault: Vault) -> None:
        self._api, self._db, self._vault = api, db, vault

    async def upload(self, text: str | bytes, **query: str) -> str:
        """The job's id; of layout cdnow_master unless asked otherwise."""
        query.setdefault("layout", "cdnow_master")
        content = text.encode() if isinstance(text, str) else text
        answer = await self._api.post("/v1/shops/demo/imports", params=query, content=content)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def step(self) -> int:
        """Take one chunk; returns its rows."""
        return await job.step(self._db, self._vault)

    async def run(self) -> int:
        """Take chunk after chunk until nothing is due; the relay's part is played by marking what it would publish."""
        total = 0
        while done := await self.step():
            total += done
            async with self._db.transaction() as tx:
                await tx.execute("update outbox set published_at = now() where published_at is null")
        return total

    async def get(self, path: str) -> Any:
        """What the shop's path shows."""
        answer = await self._api.get(f"/v1/shops/demo{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def importing(api: httpx.AsyncClient, db: Database, vault: Vault) -> Importing:
    return Importing(api, db, vault)
