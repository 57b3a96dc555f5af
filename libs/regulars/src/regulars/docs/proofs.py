"""What stands in docs/reliability.md besides kept results: tests of every change, faults and where they are brought
about, and what is not there.

A test is `path` or `path::name` and must exist; what is no test stands in backquotes.
"""

from __future__ import annotations

_BROKER = "libs/common/tests/bus/broker"
_CHAOS = "`make chaos SHORT=1`"

CHANGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "R5",
        "the whole log read again changes nothing; batches of 1, 2 and 500 and any order give the same states",
        (
            "libs/common/tests/bus/test_consumer.py::test_reading_the_whole_log_again_changes_nothing",
            "services/segmentation/tests/test_handlers.py::test_order_batches_and_repetition_of_the_sweeps_never_show",
            "services/membership/tests/test_order_independence.py",
        ),
    ),
    (
        "R10",
        "what was ever released is read; an older version too; an event of a newer one is waited for",
        (
            "libs/common/tests/contract/test_contract.py::test_no_event_breaks_what_was_released",
            "libs/common/tests/contract/test_contract.py::test_every_older_version_must_still_be_read",
            "libs/common/tests/bus/test_consumer.py::test_an_event_of_a_newer_release_stops_reading_and_is_not_buried",
        ),
    ),
    (
        "L1, L2",
        "any order and repetition of a customer's inputs, refunds before their order, time passing (100 examples each)",
        (
            "services/membership/tests/test_order_independence.py::test_any_order_and_repetition_gives_the_same_member",
            "services/segmentation/tests/test_order_independence.py",
        ),
    ),
    (
        "L3",
        "the ledgers balance, and whatever is planted is found",
        (
            "services/membership/tests/jobs/test_verifying.py::test_verify_notices_whatever_is_planted",
            "services/membership/tests/jobs/test_verifying.py::test_the_metric_is_what_a_walk_round_the_ledgers_finds",
        ),
    ),
    (
        "L4",
        "50 redemptions of one balance at once (1,000 by command above): exactly what fits; of 1,000 for a coupon one",
        (
            "services/membership/tests/api/test_redemptions.py"
            "::test_concurrent_redemptions_of_one_balance_succeed_exactly_as_far_as_it_goes",
            "services/membership/tests/api/test_coupons.py::test_of_many_calls_for_one_coupon_one_wins",
        ),
    ),
    (
        "L5",
        "1,000 orders that no webhook brought are found and taken once",
        (
            "services/orders-ingest/tests/reconciliation/test_api.py"
            "::test_every_one_of_a_thousand_dropped_orders_is_found_and_taken_once",
        ),
    ),
    (
        "M1, M2, M3",
        "lost replies, opt-outs against hand-offs, caps (small; in full by command above)",
        (
            "services/messaging/tests/delivery/test_sending_in_doubt.py::test_lost_replies_make_no_offer_leave_twice",
            "services/messaging/tests/delivery/test_sending_races.py::test_no_hand_off_after_the_opt_out_was_answered",
            "services/messaging/tests/jobs/test_deciding.py"
            "::test_fifty_candidates_at_once_send_exactly_the_cap_by_two_processes",
        ),
    ),
    (
        "M4",
        "receipts repeated, in any order, late, of nobody",
        (
            "services/messaging/tests/channels/sms/test_callbacks.py"
            "::test_receipts_come_in_any_order_and_any_number_of_times",
            "services/messaging/tests/channels/smtp/test_reports.py",
        ),
    ),
    (
        "M5",
        "webhooks: the reference's vectors taken; another body, secret, time, a replay not",
        (
            "services/orders-ingest/tests/webhooks/test_standard.py",
            "services/orders-ingest/tests/webhooks/test_shopify.py",
            "services/orders-ingest/tests/webhooks/test_woocommerce.py",
            "services/orders-ingest/tests/webhooks/test_youzan.py",
        ),
    ),
    (
        "M6",
        "no address of a caller's leads our servers elsewhere: loopback, private, by redirect or by name",
        (
            "services/messaging/tests/channels/chat/test_channel.py"
            "::test_a_profile_cannot_make_the_service_post_elsewhere",
            "services/orders-ingest/tests/webhooks/test_polled_addresses.py::test_no_name_leads_into_a_private_network",
        ),
    ),
    (
        "S1",
        "each route refuses each caller who may not, and knows nothing of another shop's objects; no body takes a "
        "field that is not named",
        (
            "tests/doors/test_callers.py::test_each_route_refuses_each_caller_who_may_not",
            "tests/doors/test_callers.py::test_a_key_with_every_scope_but_the_one_is_refused",
            "tests/doors/test_callers.py::test_no_body_takes_a_field_that_is_not_named",
            "tests/doors/test_others_objects.py::test_another_shops_object_is_as_one_that_never_was",
            "tests/doors/test_scopes.py::test_each_route_wants_the_scope_that_is_listed",
            "services/console/tests/test_roles.py::test_nobody_and_the_owner_of_another_shop_get_no_page",
        ),
    ),
    (
        "S2",
        "every route fuzzed (2 requests of each kind; more by command above)",
        ("tests/doors/test_fuzzed.py::test_no_request_is_answered_as_the_document_does_not_say",),
    ),
    (
        "S3",
        "one person's marks in databases and topics after an erasure, and all that confirmed it",
        ("tests/flow/test_one_person.py::test_a_person_is_merged_parted_exported_and_erased_in_every_service",),
    ),
    (
        "S4",
        "personal data reaches no line of the log",
        ("libs/common/tests/process/test_logs.py::test_personal_data_reaches_no_line_whichever_way_it_comes",),
    ),
    (
        "S5",
        "an entry of the audit changed, removed, added, cut off at the end is found",
        (
            "services/console/tests/test_audit_chain.py"
            "::test_the_consoles_entries_are_a_chain_and_what_is_done_behind_its_back_is_found",
        ),
    ),
    (
        "S6",
        "keys stored as hashes; rotated, and the master key replaced, without a failed request",
        (
            "tests/doors/test_rotation.py::test_a_key_is_rotated_under_load_and_no_request_is_refused",
            "libs/common/tests/http/test_api_keys.py::test_only_the_hash_and_the_prefix_are_stored",
            "services/orders-ingest/tests/jobs/test_another_master_key.py"
            "::test_the_master_key_is_replaced_without_a_failed_request",
        ),
    ),
    (
        "S7",
        "size, depth, unknown names, slow bodies, floods of one key beside others",
        (
            "libs/common/tests/http/test_limits.py",
            "libs/common/tests/http/test_api_keys.py::test_one_key_s_flood_leaves_the_other_keys_their_rate",
        ),
    ),
    (
        "S8",
        "the image hardened: nobody special, read-only root, no capabilities, no secret in a layer (where podman is)",
        (
            "tests/deploy/test_image.py::test_each_service_starts_hardened_answers_and_stops",
            "tests/deploy/test_image.py::test_no_layer_and_no_line_of_the_history_holds_a_secret",
            "tests/deploy/test_kubernetes_pods.py::test_every_pod_keeps_the_restricted_profile_and_more",
        ),
    ),
    (
        "O5",
        "each alert fires when it should and only then (where promtool is)",
        ("tests/deploy/test_watching.py::test_each_alert_fires_when_it_should_and_only_then",),
    ),
)

FAULTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("a process is killed", "SIGKILL, seeded, of it and all its children", (_CHAOS, "`make chaos`")),
    ("a process is killed at a named step", "a trigger holds it there", ('`make chaos ARGS="--steps 20"`',)),
    ("a process stands still longer than its session", "SIGSTOP for 8 s", (_CHAOS, "`make chaos`")),
    (
        "the event loop is blocked",
        "a loop that does not turn",
        ("libs/common/tests/http/test_liveness.py::test_a_loop_that_does_not_turn_any_more_is_dead",),
    ),
    (
        "two relays at once",
        "the holder frozen, killed, cut off",
        (
            "libs/common/tests/bus/test_relay_holder.py"
            "::test_another_process_takes_over_in_seconds_and_each_key_keeps_its_order",
        ),
    ),
    (
        "the answer to a COMMIT, or of Kafka, is lost",
        "mute one way through a proxy; killed after the commit",
        ('`make chaos ARGS="--network 2"`', '`make chaos ARGS="--steps 20"`'),
    ),
    ("PostgreSQL is killed or stands still", "SIGKILL, SIGSTOP of all its processes at once", (_CHAOS,)),
    ("PostgreSQL's disk is full", "a small memory disk, filled", ('`make chaos ARGS="--full-disk 3"`',)),
    (
        "deadlocks and serialisation failures",
        "eight connections, crossed order",
        (
            "libs/common/tests/storage/test_locks.py"
            "::test_eight_connections_lock_many_new_customers_without_a_deadlock",
            "libs/common/tests/storage/test_locks.py::test_a_unit_of_work_that_lost_a_deadlock_is_done_again",
        ),
    ),
    (
        "the broker is killed, stands still, is away for long",
        "SIGKILL, SIGSTOP; its leaders of three one after the other",
        (_CHAOS, '`make chaos ARGS="--outage 600"`', '`make chaos ARGS="--brokers 3"`'),
    ),
    (
        "Kafka loses the group's offsets",
        "rows in the database count, not Kafka's",
        (f"{_BROKER}/test_consumer.py::test_the_database_row_counts_and_not_the_offset_that_kafka_has",),
    ),
    (
        "a topic's retention has passed a reader",
        "records deleted before and under a running consumer: it stops loudly",
        (
            f"{_BROKER}/test_consumer.py::test_a_row_outside_the_log_stops_the_consumer_loudly",
            f"{_BROKER}/test_consumer.py::test_records_deleted_under_a_running_consumer_stop_it_loudly",
        ),
    ),
    (
        "connections are delayed, mute, reset, sliced, corrupted",
        "a proxy before each server",
        ('`make chaos ARGS="--network 2"`', f"{_BROKER}/test_consumer_faults.py"),
    ),
    ("a host vanishes", "a network namespace's cable is pulled", ("tests/hosts/test_several_hosts.py",)),
    ("rebalance storms", "a further member comes and goes", ('`make chaos ARGS="--storms 20"`',)),
    ("clocks are wrong by hours", "libfaketime before a process of each service", ('`make chaos ARGS="--skew 2"`',)),
    (
        "zones, daylight saving, leap days",
        "tables of instants",
        ("libs/common/tests/time/test_calendar.py", "services/messaging/tests/limits/contact_hours/test_rules.py"),
    ),
    (
        "what nobody can read",
        "bad JSON, unknown schema, no key, somebody else's record",
        ('`make chaos ARGS="--poison 5"`', "tests/bad_input/test_over_kafka.py"),
    ),
    ("repeated, shuffled, late; refunds before orders", "the workload of every chaos run", (_CHAOS,)),
    (
        "a provider takes a message and its answer is lost",
        "local servers that break off at any step",
        (
            "services/messaging/tests/delivery/test_sending_in_doubt.py::test_lost_replies_make_no_offer_leave_twice",
            "services/messaging/tests/channels/smtp/test_servers.py"
            "::test_a_connection_lost_at_any_step_says_whether_the_text_had_gone",
            "services/messaging/tests/channels/sms/test_gateways.py"
            "::test_a_lost_reply_is_settled_by_looking_it_up_and_nothing_is_sent_twice",
        ),
    ),
    (
        "a provider is slow, away, answers nonsense",
        "the same",
        (
            "services/messaging/tests/channels/smtp/test_servers.py::test_each_step_has_its_deadline",
            "services/messaging/tests/channels/sms/test_gateways.py"
            "::test_while_a_gateway_is_away_the_other_one_takes_what_there_is",
        ),
    ),
    ("an orderly end, the broker frozen", "SIGTERM in the middle of a batch", ('`make chaos ARGS="--stops 100"`',)),
    (
        "a rolling upgrade",
        "processes of an earlier commit beside this one's; all restarted in turns",
        ("tests/upgrade/test_upgrade.py", _CHAOS),
    ),
    (
        "an erasure while events come in",
        "files that are being sent; topics read again",
        (
            "services/orders-ingest/tests/erasure/test_api.py"
            "::test_an_erasure_waits_for_files_that_are_being_sent_and_removes_those_that_were_left",
            "libs/regulars/tests/backups/test_canary.py",
        ),
    ),
    (
        "coupons, quotas, referrals, redemptions, campaigns, tickets, merges under all of these",
        "asked for beside the events; judged by the checker's own model",
        ("tests/chaos/checks/commands.py", "tests/chaos/model.py"),
    ),
    (
        "a backup that is never ended is killed, cut off, behind; servers away; everything is set back to an instant",
        "a copy cut at its end; a folder of another installation; an archive that lacks the last records",
        (
            "libs/regulars/tests/backups/test_archiving.py",
            "libs/regulars/tests/backups/test_to_an_instant.py",
            "services/messaging/tests/delivery/test_restored.py",
        ),
    ),
)

NOT_THERE: tuple[str, ...] = (
    "R2 at 1,000,000 events and 1,000 kills (the list of references has it, the list of targets does not).",
    "V4, a simulation of a service that crashes at each `await`: kills at nine named steps (R4) stand in its place.",
    "V3 as state machines of hypothesis: histories are generated whole and compared with plain Python instead.",
    "R5's second half, a history told twice with all tables equal, as a kept run: `regulars twice` does it by hand.",
    "M7, a provider that is down for an hour; O1, the pause of a rolling restart, 15 s; O3, a migration under load;"
    " L2's alert for a refund that waits for more than a day: not measured.",
    "Processes that meet a limit of memory (RLIMIT_AS): a kill is the same to the others.",
    "Debezium in the relay's place.",
)
