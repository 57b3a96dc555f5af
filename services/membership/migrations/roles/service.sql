-- What membership may do besides what every service may (libs/common, migrations/roles) and besides reading.

-- A ledger: entries are added, never changed or removed. Their tally is kept by a trigger in its owner's name.
grant insert on ledger_entries to {role};
-- A version of the programme is never changed; it is withdrawn, or worked in.
grant insert, update (due_after, refold_after, withdrawn_at) on programmes to {role};
grant insert, update on announced, checkouts, coupon_uses, coupons, offers, redemptions to {role};
grant insert, update, delete on refolds to {role};
grant delete on announced to {role};
grant insert, delete on liability_months, liability_totals to {role};
grant insert, update on activities, activity_entries, communities, community_members, community_posts to {role};
grant insert, update, delete on satisfaction_marks to {role};
grant insert, delete on satisfaction to {role};
grant insert, update on joint_campaigns to {role};
grant insert on joint_deliveries to {role};
grant insert, update (what) on surprises to {role};
grant insert, update on surprise_months to {role};
grant insert, update on manual_changes, partners, payouts, referrals to {role};
grant insert on referral_codes to {role};
grant insert, delete on coupon_hold_outs, referral_traits to {role};
