"""The fixtures give what they promise."""

from email.message import EmailMessage

import asyncpg
import hypothesis
import pytest
from aiosmtplib import SMTP

from common.storage.failures import SERVER_ERRORS
from regulars.stack.databases import create_database, drop_database, dsn
from regulars.stack.errors import StackError
from regulars.stack.mailsink import MailSink
from regulars.testing import EmptyDatabase, SharedPostgres


async def test_each_database_is_empty_and_its_own(database: EmptyDatabase) -> None:
    first, second = await database(), await database()
    connection = await asyncpg.connect(dsn(first))
    await connection.execute("create table kept (id int)")
    await connection.close()
    connection = await asyncpg.connect(dsn(second))
    tables = await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
    await connection.close()
    assert first != second
    assert tables == 0


async def test_a_database_is_dropped_even_while_somebody_is_connected(postgres: SharedPostgres) -> None:
    url = await create_database(postgres.url, "test_still_in_use")
    connection = await asyncpg.connect(dsn(url))
    try:
        await drop_database(postgres.url, "test_still_in_use")
        with pytest.raises(SERVER_ERRORS):
            await connection.fetchval("select 1")
    finally:
        connection.terminate()


async def test_a_name_that_is_no_plain_name_never_reaches_the_server(postgres: SharedPostgres) -> None:
    with pytest.raises(StackError, match="no plain database name"):
        await create_database(postgres.url, 'x"; drop database postgres; --')


async def test_the_sink_stores_what_a_client_was_told_was_accepted(mailsink: MailSink) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", "lin@example.com", "您好 Lin"
    message["Message-ID"] = "<1@example.com>"
    message.set_content("早上好\n")
    async with SMTP(hostname="127.0.0.1", port=mailsink.port) as client:
        await client.send_message(message)
    (stored,) = mailsink.mails()
    assert mailsink.count == 1
    assert (stored["to"], stored["subject"], stored["text"]) == (["lin@example.com"], "您好 Lin", "早上好\n")
    assert (stored["from"], stored["message_id"]) == ("shop@example.com", "<1@example.com>")


def test_property_tests_have_no_deadline_and_a_hundred_examples_or_more() -> None:
    settings = hypothesis.settings()
    assert settings.deadline is None
    assert settings.max_examples >= 100
