-- Versions of the rules of asking were not published once: tell those that are stored, so that a rebuild reads them back.
-- After the code, which tells whatever is saved from then on, and has claimed it. A version counts from six minutes after
-- it was saved.
insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
select 'policy-' || version, 'feedback', shop || '/policy', 'survey_policy.changed', shop,
       cast(json_build_object(
           'specversion', '1.0', 'id', 'policy-' || version, 'source', '/shops/' || shop || '/feedback',
           'type', 'survey_policy.changed', 'time', valid_from - interval '6 minutes', 'shop', shop, 'datacontenttype', 'application/json',
           'partitionkey', shop || '/policy',
           'data', json_build_object('version', version, 'valid_from', valid_from, 'policy', policy)
       ) as text)
from policies
where not exists (
    select from inbox i
    where i.shop = policies.shop and i.source = '/shops/' || policies.shop || '/feedback'
      and i.id = 'policy-' || policies.version
)
order by shop, version;
