import time

import pytest

from messaging.reports.coming import list_messages


@pytest.mark.timeout(280)
async def test_size(messaging):
    async with messaging.database.transaction() as tx:
        await tx.execute("""insert into candidates(shop,customer,message_id,flow,purpose,rank,channel,cause,cause_at,due_at,release_at,outcome,reason,decided_at,details)
          select case when i%2=0 then 's' else 't' end,'c'||i%100000,'m'||i,'tier','marketing',3,'email','x'||i,now(),now(),case when i%20<3 then now()+i*interval '1 second' end,case when i%20<3 then 'hold' else 'send' end,'window',now()-i*interval '1 minute','{}' from generate_series(1,600000) i""")
        await tx.execute(
            """insert into messages(shop,customer,message_id,flow,purpose,rank,channel,at,state) select shop,customer,message_id,flow,purpose,rank,channel,decided_at,'sent' from candidates where outcome='send'"""
        )
    async with messaging.database.transaction() as tx:
        await tx.execute("analyze candidates")
        await tx.execute("analyze messages")
    async with messaging.database.transaction() as tx:
        for w, f in (
            ("coming", {}),
            ("decided", {}),
            ("decided", {"state": "failed"}),
            ("coming", {"reason": "cap"}),
            ("decided", {"flow": "tier"}),
        ):
            t = time.time()
            r = await list_messages(tx, "s", w, f, None, 50, 20000)
            print(w, f, round(time.time() - t, 3), len(r.rows), r.upto)
