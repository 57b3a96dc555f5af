"""Reports by mail, as mail servers and mailbox providers write them."""

from __future__ import annotations

POSTFIX = """\
Return-Path: <>
From: MAILER-DAEMON@mx.shop.test (Mail Delivery System)
To: no-reply@shop.test
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="B1.1/mx.shop.test"
MIME-Version: 1.0

This is a MIME-encapsulated message.

--B1.1/mx.shop.test
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B1.1/mx.shop.test
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.shop.test
X-Postfix-Queue-ID: B1
Arrival-Date: Tue,  4 Mar 2025 02:00:00 +0000 (UTC)

Final-Recipient: rfc822; c1@example.test
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.test
Diagnostic-Code: smtp; 550 {status} <c1@example.test>: Recipient address rejected

--B1.1/mx.shop.test
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: "Shop" <no-reply@shop.test>
To: c1@example.test
Subject: Hello
Message-ID: <m-1@shop.test>
{header}: {reference}

Dear you

--B1.1/mx.shop.test--
"""
HEADERS_ALONE = """\
From: postmaster@example.test
Content-Type: multipart/report; report-type=delivery-status; boundary=xx

--xx
Content-Type: text/plain

Delivery has failed.
--xx
Content-Type: message/delivery-status

Reporting-MTA: dns;example.test

Final-Recipient: rfc822;c1@example.test
Action: {action} (bad destination mailbox address)
Status: {status}
--xx
Content-Type: text/rfc822-headers

From: no-reply@shop.test
Subject: Hello
{header}: {reference}
--xx--
"""
COMPLAINT = """\
From: <abusedesk@example.test>
Subject: FW: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1"

--part1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.1.

--part1
Content-Type: message/feedback-report

Feedback-Type: {status}
User-Agent: SomeGenerator/1.0
Version: 1

--part1
Content-Type: message/rfc822
Content-Disposition: inline

From: no-reply@shop.test
To: <redacted@example.test>
Subject: Hello
{header}: {reference}

Dear you
--part1--
"""


def written(
    form: str, reference: str, status: str, action: str = "failed", header: str = "X-Regulars-Message"
) -> bytes:
    """The report with CRLF, its reference folded as servers fold long headers."""
    folded = reference if len(reference) < 40 else f"{reference[:40]}\n {reference[40:]}"
    return form.format(reference=folded, status=status, action=action, header=header).replace("\n", "\r\n").encode()
