"""The metrics that messaging publishes beside those of every service."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

SENDS_UNKNOWN = Gauge("sends_unknown", "Messages of which nobody knows whether the provider took them")
SENDS_REFUSED = Counter(
    "sends_refused_total", "Hand-offs that a provider did not accept, by where and why", ["channel", "stage", "reason"]
)
SENDS_PAUSED = Gauge(
    "sends_paused", "Pauses of a channel, for all shops or one, since a provider refuses us", ["channel"]
)
SENDS_WITHOUT_SENDER = Gauge(
    "sends_without_sender", "Messages that wait for a channel for which this release has no sender", ["channel"]
)
SENDS_BLOCKED = Counter("sends_blocked_total", "Messages decided against", ["reason"])
SMS_SEGMENTS = Counter("sms_segments_total", "Parts of text messages that the gateway took, by encoding", ["encoding"])
SMS_COST = Counter("sms_cost_total", "What those parts cost at SMS_SEGMENT_COST each, in the gateway's currency")
SMS_TAKEN = Counter("sms_taken_total", "Text messages that were taken, by the first or the second gateway", ["gateway"])
SMS_REPLIES = Counter(
    "sms_replies_total",
    "Replies by text message: opted out, opted in, from an unreadable number, or anything else",
    ["said"],
)
SMS_RECEIPTS = Counter("sms_receipts_total", "Ends of text messages that a gateway told of", ["said"])
MAIL_REPORTS = Counter(
    "mail_reports_total", "Mails posted to us as bounces or complaints, by what they were taken for", ["taken"]
)
MAIL_ANSWERS = Counter(
    "mail_answers_total",
    "Mails that came in and are no reports, by what they were taken for: answers, opt-outs, automatic, of nobody known",
    ["taken"],
)
MAILBOX_LOOKS = Counter(
    "mailbox_looks_total", "Looks into the mailbox of answers, by whether it could be read", ["read"]
)
MENTIONS = Counter("mentions_total", "What customers said on social networks, each once, by kind", ["kind"])
CALLS = Counter("calls_total", "Calls that people made for call tasks, by what came of them", ["outcome"])
SCANS = Counter("insert_scans_total", "First scans of codes on inserts of parcels")
INBOX_READ = Counter("inbox_read_total", "Messages that customers opened in the shop's app, for the first time")
CLICKS = Counter("link_clicks_total", "Links of messages that were followed, by a person or a program", ["by"])
FLOW_MOVES = Counter("flow_moves_total", "Moves of customers through flows, by what they came to", ["reason"])
