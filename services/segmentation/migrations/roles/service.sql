-- What segmentation may do besides what every service may (libs/common, migrations/roles) and besides reading.

-- Published versions, never changed: only withdrawn, and how far a late one has been worked in.
grant insert, update (refold_after) on shop_statistics to {role};
grant insert, update (refold_after, withdrawn_at) on thresholds to {role};
grant insert on anonymous_refunds, churn_fits, goals, value_fits to {role};
grant update (valued) on value_fits to {role};
grant insert, delete on customer_values, people, products, statistics_portions, value_portions to {role};
grant insert, update on activity, anonymous_orders, monthly_flow_walks, members, referrals to {role};
grant insert, update, delete on late_orders, monthly_flows, reschedulings, sales to {role};
grant insert on reviews to {role};
grant insert, update on complaints, customer_types, member_tiers, order_facts, product_models, profiles, segment_definitions, segment_stays,
    signals, tags, taste_shifts, typings to {role};
grant insert, update, delete on segment_dues to {role};
grant delete on customer_types, profiles, signals, tags, taste_shifts to {role};
