-- What the address of an order tells of who lives there is the order's own: a version that takes the address away takes it
-- back, and so does an order that counts no more. Profiles bear what the newest order that counts tells.
alter table order_facts add column life_state text;         -- by the address; null: it tells none
alter table order_facts add column placed_at timestamptz;   -- of orders with a life state alone
create index order_facts_life_state on order_facts (shop, customer, placed_at) where life_state is not null;
drop view profiles_of_people, counted_orders, absorbed_order_facts;
alter table profiles drop column sent_at, drop column sent_revision;
-- How the orders of absorbed customers were bought, by person: their sales are the survivor's, and stand there.
create view absorbed_order_facts as
    select p.shop, p.person as customer, f.order_id, f.revision, f.day, f.hour, f.promoted, f.units, f.entry_path,
           f.lines, f.silent, f.decision_seconds, f.compared_items, f.reviews_viewed, f.life_state, f.placed_at
    from people p join order_facts f on f.shop = p.shop and f.customer = p.customer
    where p.customer <> p.person;
-- Orders that count, with how they were bought.
create view counted_orders as
    select f.shop, f.customer, f.order_id, f.day, f.hour, f.promoted, f.units, f.entry_path, f.lines, f.silent,
           f.decision_seconds, f.compared_items, f.reviews_viewed, f.life_state, f.placed_at, s.currency, s.paid,
           s.refunded
    from order_facts f join sales s on s.shop = f.shop and s.customer = f.customer and s.name = 'order/' || f.order_id
    where s.gone is null and s.orders > 0 and f.revision is not null
    union all
    select f.shop, f.customer, f.order_id, f.day, f.hour, f.promoted, f.units, f.entry_path, f.lines, f.silent,
           f.decision_seconds, f.compared_items, f.reviews_viewed, f.life_state, f.placed_at, s.currency, s.paid,
           s.refunded
    from absorbed_order_facts f
    join sales s on s.shop = f.shop and s.customer = f.customer and s.name = 'order/' || f.order_id
    where s.gone is null and s.orders > 0 and f.revision is not null;
-- The survivor's profile; where the survivor has none, that of the first of the others by name. Where it tells no life
-- state, what the survivor's row says of the person's orders.
create view profiles_of_people as
    select shop, customer, gender, region, city, city_level, education, credit_level, source,
           coalesce(life_state, sent_state) as life_state, born_from
    from profiles t
    where not exists (select from people p where p.shop = t.shop and p.customer = t.customer)
    union all
    select said.shop, said.customer, gender, region, city, city_level, education, credit_level, source,
           coalesce(life_state, (
               select s.sent_state from profiles s where s.shop = said.shop and s.customer = said.customer
           )) as life_state, born_from
    from (
        select distinct on (p.shop, p.person) p.shop, p.person as customer, t.gender, t.region, t.city, t.city_level,
               t.education, t.credit_level, t.source, t.life_state, t.born_from
        from people p join profiles t on t.shop = p.shop and t.customer = p.customer
        order by p.shop, p.person, t.revision is null, p.customer <> p.person, p.customer
    ) said;
