-- Versions of the rules of contact were not published once: announce those that are stored, so that a rebuild reads them back.
-- After the code, which announces whatever is saved from then on, and has claimed it.
insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
select 'policy-' || version, 'messages', shop || '/policy', 'contact_policy.changed', shop,
       cast(json_build_object(
           'specversion', '1.0', 'id', 'policy-' || version, 'source', '/shops/' || shop || '/messaging',
           'type', 'contact_policy.changed', 'time', at, 'shop', shop, 'datacontenttype', 'application/json',
           'partitionkey', shop || '/policy',
           'data', json_build_object('version', version, 'valid_from', at, 'policy', policy)
       ) as text)
from policies
where not exists (
    select from inbox i
    where i.shop = policies.shop and i.source = '/shops/' || policies.shop || '/messaging'
      and i.id = 'policy-' || policies.version
)
order by shop, version;
