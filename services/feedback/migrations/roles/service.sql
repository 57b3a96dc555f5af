-- What feedback may do besides what every service may (libs/common, migrations/roles) and besides reading.

grant insert on claim_photos, claim_prints, order_inputs to {role};
grant insert, update (refold_after) on policies to {role};
grant insert, update on
    buyer_types, completed_orders, contents, enrolled, free_returns, referred, return_uses, reviews, reward_claims, staff_tasks, survey_answers, survey_turns, surveys, ticket_entries, tickets,
    tiers, usage_questions
to {role};
grant insert, update, delete on customer_sources, readings, said_marks to {role};
grant insert, delete on removed_photos, reward_grounds, said_days to {role};
grant insert, update (stored_as, digest, fingerprint, turned) on photos to {role};
grant insert on sentiment_models to {role};
