"""A topic's copy: what counts as copied, what of it is read back after a kill or a fault, and that damage is said."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from common.bus.broker import LogEnds, Outgoing, Position, Producer, Record, Topic, ensure_topics
from regulars.backups import copying
from regulars.backups.copying import CopyFailed, TopicCopy, read_copy
from regulars.backups.records import line_of, records_of, write_topic
from regulars.stack.errors import StackError
from regulars.testing import SharedKafka

PLACE = Position("orders", 0)


def records(first: int, end: int, topic: str = "orders") -> list[Record]:
    return [Record(topic, 0, n, b"k", b"value %d" % n * 9, {"id": b"%d" % n}, 1) for n in range(first, end)]


def write(folder: Path, *batches: tuple[int, int], topic: str = "orders") -> Path:
    """Into a file of its own, as one process does; gives the file."""
    copy = TopicCopy(lambda: "", topic, folder)
    for first, end in batches:
        copy._write(records(first, end, topic))
    copy._close()
    return max(folder.glob("*.jsonl.gz"))


def offsets(folder: Path, topic: str = "orders") -> list[int]:
    return [record.offset for record in read_copy(topic, folder)]


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """The files of a copy of 90 records."""
    return [write(tmp_path, (n, n + 15), (n + 15, n + 30)) for n in (0, 30, 60)]


def test_a_copy_in_several_files_is_read_as_it_was_published(three: list[Path], tmp_path: Path) -> None:
    assert list(read_copy("orders", tmp_path)) == records(0, 90)


@pytest.mark.parametrize("topic", ["orders", "customer-keys", "dead.membership"])
@pytest.mark.parametrize(
    ("number", "where"), [(0, "its beginning and 00000002"), (1, "00000001.jsonl.gz and 00000003"), (2, "00000002")]
)
@pytest.mark.parametrize("how", ["gone", "cut", "empty", "zeros"])
def test_a_file_that_is_gone_or_cut_is_said(tmp_path: Path, topic: str, number: int, where: str, how: str) -> None:
    """`customer-keys` is compacted: its offsets have holes."""
    files = [write(tmp_path, (n, n + 15), (n + 15, n + 30), topic=topic) for n in (0, 30, 60)]
    raw = files[number].read_bytes()
    if how == "gone":
        files[number].unlink()
    else:
        files[number].write_bytes({"cut": raw[:-60], "empty": b"", "zeros": bytes(len(raw))}[how])
        if how == "cut":
            where = f"{number + 1:08}.jsonl.gz"  # its first batch is there
    with pytest.raises(
        StackError, match=rf"is damaged .*{where}.*records are missing .* to {number * 30 + 29}\)"
    ) as it:
        offsets(tmp_path, topic)
    assert "another copy of the archive" in str(it.value)


def test_what_says_where_the_copy_stands_is_missed_too(three: list[Path], tmp_path: Path) -> None:
    (tmp_path / "places.json").write_bytes(bytes(20))
    for _ in range(2):
        with pytest.raises(StackError, match=r"places.json cannot be read"):
            offsets(tmp_path)
        with pytest.raises(StackError, match=r"places.json cannot be read"):
            TopicCopy(lambda: "", "orders", tmp_path)
        (tmp_path / "places.json").unlink(missing_ok=True)


def test_a_byte_that_was_changed_is_noticed_or_changes_nothing(three: list[Path], tmp_path: Path) -> None:
    raw = three[1].read_bytes()
    for place in range(0, len(raw), 7):
        three[1].write_bytes(raw[:place] + bytes([raw[place] ^ 0x10]) + raw[place + 1 :])
        with suppress(StackError):
            assert list(read_copy("orders", tmp_path)) == records(0, 90), place


def _torn_ends(raw: bytes, counted: int) -> Iterator[bytes]:
    """What may stand in a file whose process was killed, or whose machine lost its power, behind what counts."""
    for end in range(counted, len(raw), 29):
        yield raw[:end]
        yield raw[:end] + bytes(4096)
        yield raw[:end] + os.urandom(300)
        yield raw[:end] + raw[:300]


@pytest.mark.parametrize("topic", ["orders", "intake.tea"])
def test_of_a_torn_end_all_is_read_that_counts_and_the_copy_goes_on(tmp_path: Path, topic: str) -> None:
    copy = TopicCopy(lambda: "", topic, tmp_path)
    copy._write(records(0, 20, topic))
    (file,) = tmp_path.glob("*.jsonl.gz")
    counted, stood = file.stat().st_size, (tmp_path / "places.json").read_bytes()
    copy._write(records(20, 30, topic))
    copy._close()
    for torn in _torn_ends(file.read_bytes(), counted):
        file.write_bytes(torn)
        (tmp_path / "places.json").write_bytes(stood)
        next_ = write(tmp_path, (20, 40), topic=topic)
        assert list(read_copy(topic, tmp_path)) == records(0, 40, topic)
        next_.unlink()


def test_a_record_counts_when_it_is_on_the_disk_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`places.json` is written behind the file: after a loss of power it must not tell of what is not there."""
    copy = TopicCopy(lambda: "", "orders", tmp_path)
    real, flushed = os.fsync, list[tuple[str, str, bool]]()

    def fsync(file: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{file}")).name
        flushed.append((name, (tmp_path / "places.json").read_text(), copy.has({PLACE: 1})))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    copy._write(records(0, 5))
    assert [name for name, _, _ in flushed] == ["00000001.jsonl.gz", ".places.json", tmp_path.name]
    assert [places for _, places, _ in flushed[:2]] == ["{}", "{}"]
    assert not any(counted for _, _, counted in flushed)
    assert copy.has({PLACE: 5})
    assert not copy.has({PLACE: 6})
    copy._close()


@pytest.mark.parametrize(("topic", "fails"), [("orders", True), ("customer-keys", False), ("intake.tea", False)])
def test_a_hole_in_a_log_that_keeps_everything_is_a_loss(tmp_path: Path, topic: str, fails: bool) -> None:
    """Kafka lost its front while nobody copied. Others are compacted, or go by time."""
    write(tmp_path, (0, 5), topic=topic)
    said = r"up to 5, and Kafka goes on at 9: .* begin a new archive"
    with pytest.raises(CopyFailed, match=said) if fails else nullcontext():
        write(tmp_path, (9, 12), topic=topic)


def test_what_a_full_disk_did_not_take_is_copied_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = TopicCopy(lambda: "", "orders", tmp_path)
    copy._write(records(0, 5))

    def full(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            copy._write(records(5, 9))
    assert not copy.has({PLACE: 6})
    copy._close()  # there is room again
    write(tmp_path, (5, 12))
    assert list(read_copy("orders", tmp_path)) == records(0, 12)


def test_intake_of_which_files_go_as_they_are_read_is_whole_without_them(tmp_path: Path) -> None:
    files = [write(tmp_path, (n, n + 10), topic="intake.tea") for n in (0, 10, 20)]
    copy = TopicCopy(lambda: "", "intake.tea", tmp_path)
    asyncio.run(copy.forget({Position("intake.tea", 0): 20}))
    assert [file.exists() for file in files] == [False, False, True]
    assert offsets(tmp_path, "intake.tea") == [*range(20, 30)]


def test_files_of_intake_are_closed_soon_whatever_clock_the_shop_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that is written all day long keeps what was read, in plain text."""
    monkeypatch.setattr(copying, "_SHORT_S", -1.0)
    copy = TopicCopy(lambda: "", "intake.tea", tmp_path)
    for first in (0, 10):
        copy._write(records(first, first + 10, "intake.tea"))
    assert len(list(tmp_path.glob("*.gz"))) == 2


def test_nothing_stays_of_what_a_shop_wrote_and_a_kill_broke_off(tmp_path: Path) -> None:
    """SEC-006: no later record would ever let the file go."""
    file = write(tmp_path, (0, 10), topic="intake.tea")
    file.write_bytes(file.read_bytes()[:-40])
    (tmp_path / "places.json").write_text("{}")
    TopicCopy(lambda: "", "intake.tea", tmp_path)
    assert not file.exists()


async def test_a_backups_topic_that_is_damaged_is_said(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(map(line_of, records(0, 50))))
    for number, raw in enumerate((packed[:-20], packed[:200] + bytes(50) + packed[250:], b"no gzip")):
        file = tmp_path / f"{number}.jsonl.gz"
        file.write_bytes(raw)
        with pytest.raises(StackError, match="is damaged"):
            [record async for record in records_of("orders", file)]


async def _send(servers: str, topic: str, partition: int) -> None:
    producer = Producer(servers, client="tests")
    await producer.start()
    assert await producer.send([Outgoing(topic, b"k", b"v", {}, partition)]) == 1
    await producer.stop(5)


async def test_partitions_that_are_added_are_copied_also_while_the_others_are_busy(
    kafka: SharedKafka, tmp_path: Path
) -> None:
    servers, topic = kafka.bootstrap_servers, f"intake.more-{uuid4().hex[:8]}"
    await ensure_topics(servers, [Topic(topic, 1)])
    await _send(servers, topic, 0)
    copy = TopicCopy(lambda: servers, topic, tmp_path)
    task = asyncio.create_task(copy.run())
    try:
        async with asyncio.timeout(60):
            while not copy.has({Position(topic, 0): 1}):
                await asyncio.sleep(0.05)
        admin = AIOKafkaAdminClient(bootstrap_servers=servers)
        await admin.start()
        await admin.create_partitions({topic: NewPartitions(total_count=2)})
        await admin.close()
        await _send(servers, topic, 1)
        async with asyncio.timeout(60):
            while not copy.has({Position(topic, 0): 1, Position(topic, 1): 1}):
                await _send(servers, topic, 0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert {record.partition for record in read_copy(topic, tmp_path)} == {0, 1}


async def test_the_end_of_a_transaction_is_no_record_that_is_waited_for(kafka: SharedKafka, tmp_path: Path) -> None:
    """A shop's own producer writes in transactions: their markers have offsets."""
    servers, topic = kafka.bootstrap_servers, f"intake.tx-{uuid4().hex[:8]}"
    await ensure_topics(servers, [Topic(topic, 1)])
    producer = AIOKafkaProducer(bootstrap_servers=servers, transactional_id=topic)
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(topic, b"v", partition=0)
    await producer.stop()
    copy = TopicCopy(lambda: servers, topic, tmp_path)
    task = asyncio.create_task(copy.run())
    ends = LogEnds(servers, client="tests")
    try:
        end = await ends.ends([topic])
        assert end == {Position(topic, 0): 2}
        async with asyncio.timeout(20):
            while not copy.has(end):
                await asyncio.sleep(0.05)
    finally:
        await ends.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert offsets(tmp_path, topic) == [0]
    async with asyncio.timeout(20):
        assert await write_topic(servers, topic, end, tmp_path / "cut.gz") == 1


async def test_a_log_that_begins_again_is_no_going_on_of_the_copy(kafka: SharedKafka, tmp_path: Path) -> None:
    servers, topic = kafka.bootstrap_servers, f"own-{uuid4().hex[:8]}"
    await ensure_topics(servers, [Topic(topic, 1)])
    await _send(servers, topic, 0)
    write(tmp_path, (0, 7), topic=topic)
    said = r"copied up to 7, and Kafka begins at 0 again: .* base backup begins another"
    with pytest.raises(StackError, match=said):
        await asyncio.wait_for(TopicCopy(lambda: servers, topic, tmp_path).run(), 60)
    for _ in range(9):
        await _send(servers, topic, 0)
    with pytest.raises(CopyFailed, match=said):  # and not when it has grown past that place
        TopicCopy(lambda: servers, topic, tmp_path)
    assert offsets(tmp_path, topic) == [*range(7)]
