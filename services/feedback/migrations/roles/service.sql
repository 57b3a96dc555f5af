-- What feedback may do besides what every service may (libs/common, migrations/roles) and besides reading.

grant insert on claim_photos, order_inputs, reward_claims to {role};
grant insert, update (refold_after) on policies to {role};
grant insert, update on
    completed_orders, contents, reviews, staff_tasks, survey_answers, survey_turns, surveys, ticket_entries, tickets,
    tiers, usage_questions
to {role};
grant insert, update, delete on readings, said_marks to {role};
grant insert, delete on said_days to {role};
grant insert on sentiment_models to {role};
