"""The mail sink keeps and counts every mail that it accepted."""

import asyncio
import json
import sys
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from regulars.stack.mailsink import MailSink


def _mail(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "shop@example.com", f"customer-{number}@example.com"
    message["Subject"], message["Message-ID"] = f"No. {number}", f"<{number}@example.com>"
    message.set_content(f"Hello {number}\n")
    return message


async def _send(port: int, number: int) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
        await client.send_message(_mail(number))


async def _get(port: int, path: str) -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: sink\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def test_two_hundred_connections_at_once_lose_no_mail(mailsink: MailSink) -> None:
    await asyncio.gather(*(_send(mailsink.port, number) for number in range(200)))
    assert mailsink.count == 200
    assert {mail["message_id"] for mail in mailsink.mails()} == {f"<{number}@example.com>" for number in range(200)}
    assert await _get(mailsink.http_port, "/count") == (200, {"count": 200})


async def test_another_path_gets_404_with_the_right_one(mailsink: MailSink) -> None:
    assert await _get(mailsink.http_port, "/") == (404, {"error": "ask GET /count"})


async def test_a_refused_recipient_gets_its_answer_and_leaves_no_mail(mailsink: MailSink) -> None:
    mailsink.refused = {"customer-1@example.com": "550 5.1.1 no such user"}
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await _send(mailsink.port, 1)
    assert refused.value.recipients[0].code == 550
    await _send(mailsink.port, 2)
    assert [mail["to"] for mail in mailsink.mails()] == [["customer-2@example.com"]]


async def test_the_sink_as_a_process_keeps_its_count_over_kill_9(tmp_path: Path) -> None:
    store = tmp_path / "mails.jsonl"
    for total in (1, 2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "regulars.stack.mailsink", "--store", str(store), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        addresses = json.loads(await process.stdout.readline())
        await _send(int(addresses["smtp"].rpartition(":")[2]), total)
        count = await _get(int(addresses["http"].rpartition(":")[2]), "/count")
        process.kill()
        await process.wait()
        assert count == (200, {"count": total})
