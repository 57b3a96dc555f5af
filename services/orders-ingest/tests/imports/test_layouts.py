"""Broken and foreign files: what is good is taken, what is bad is kept whole, and memory stays bounded (ORD-039)."""

import gzip
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.storage.database import Database
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import lines
from orders_ingest.imports import store_refusals as refusals
from orders_ingest.imports.layouts.cdnow import read_master, read_sample
from orders_ingest.imports.layouts.layout import BadRow, Findings, History, Row, identifier, plain_number
from orders_ingest.imports.layouts.online_retail.reading import read_online_retail
from orders_ingest.imports.layouts.registry import LAYOUTS
from orders_ingest.imports.lines import Broken, TooLong, UnreadableFile, lines_of, records_of
from orders_ingest.intake.checks import check
from orders_ingest.jobs import imports as job

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
DAY = "2026-10-01 10:00"


def history(currency: str = "USD") -> History:
    return History("teahouse", "file", currency, ZoneInfo("UTC"))


def retail(*rows: str, currency: str = "USD") -> tuple[list[Row], list[BadRow], Findings]:
    findings = Findings()
    found = list(read_online_retail([HEADER, *rows], history(currency), findings))
    return [r for r in found if isinstance(r, Row)], [r for r in found if isinstance(r, BadRow)], findings


@pytest.mark.parametrize(("currency", "paid"), [("JPY", 500), ("USD", 50_000), ("KWD", 500_000), ("CLF", 5_000_000)])
def test_files_count_in_the_minor_units_of_their_currency(currency: str, paid: int) -> None:
    (row,) = read_master([f"c8,2026-10-01,1,{500}"], history(currency), Findings())
    assert isinstance(row, Row)
    assert row.event["data"]["goods_paid"] == paid
    (sale,), _, _ = retail(f"1,A,Tea,1,{DAY},500,c8,X", currency=currency)
    assert (sale.event["data"]["goods_paid"], sale.event["data"]["lines"][0]["unit_price"]) == (paid, paid)


def test_an_amount_finer_than_its_currency_is_a_bad_row() -> None:
    (row,) = read_master(["c8,2026-10-01,1,0.50"], history("JPY"), Findings())
    assert isinstance(row, BadRow)
    assert "JPY" in row.detail


def test_a_lone_quote_spoils_its_own_line_alone() -> None:
    lone = f'611,A,"12 inch,1,{DAY},5.00,c1,X'
    rows, bad, findings = retail(lone, *(f"{n},A,T,1,{DAY},5.00,c1,X" for n in range(612, 2612)))
    assert (len(rows), findings.counts["rows"]) == (2000, 2001)
    assert [(b.line, b.text) for b in bad] == [(2, lone)]


def test_two_lone_quotes_do_not_join_into_one_record() -> None:
    rows, bad, _ = retail(
        f'1,A,"wide,1,{DAY},5.00,c1,X',
        f"2,A,T,1,{DAY},5.00,c1,X",
        f'3,A,12" wide,1,{DAY},5.00,c1,X',
        f'4,A,"wide,1,{DAY},5.00,c1,X',
        f"5,A,T,1,{DAY},5.00,c1,X",
    )
    assert [r.event["data"]["order_id"] for r in rows] == ["2", "3", "5"]
    assert [b.line for b in bad] == [2, 5]


def test_quotes_that_join_lines_into_a_record_of_another_width_spoil_the_first_alone() -> None:
    rows, bad, _ = retail(f'1,A,"wide,1,{DAY},5.00,c1,X', f'2,A",T,1,{DAY},5.00,c1,X')
    assert [r.event["data"]["order_id"] for r in rows] == ["2"]
    assert [b.line for b in bad] == [2]


def test_lines_are_numbered_as_an_editor_shows_the_file() -> None:
    """The header is line 1, empty lines count, and a record that spans lines stands on its first."""
    spanning = ['2,A,"Tea', '""green""', f'",1,{DAY},five,c8,X']
    rows, bad, findings = retail(
        f"1,A,T,1,{DAY},5.00,c8,X",
        "",
        *spanning,
        "",
        f"3,A,T,x,{DAY},5.00,c8,X",
        f"C4,A,T,-1,{DAY},5.00,c8,X",
    )
    assert [(b.line, b.detail.split(":")[0]) for b in bad] == [(4, "line 4"), (8, "line 8")]
    # Ids count records, so that they do not depend on how the file is laid out.
    assert [(r.line, r.event["id"]) for r in rows] == [(2, "line-000000001"), (9, "line-000000004-000")]
    assert findings.examples["cancellations_matched"][0]["line"] == 9


@pytest.mark.parametrize("header", [["customer_id,date,number_of_cds,dollar_value"], []])
def test_lines_of_cdnow_are_numbered_with_and_without_a_header(header: list[str]) -> None:
    found = list(read_master([*header, "", "c8,2026-10-01,1,5.00", "c8,2026-10-01,1,-1"], history(), Findings()))
    good, bad = found
    assert isinstance(good, Row)
    assert (good.line, good.event["id"]) == (2 + len(header), "line-000000001")
    assert bad.line == 3 + len(header)


def test_a_quoted_cell_may_span_lines_and_hold_quotes() -> None:
    rows, bad, _ = retail('1,A,"Tea', f'""green""",2,{DAY},5.00,c1,X', f"2,A,T,1,{DAY},5.00,c1,X")
    assert bad == []
    assert rows[0].event["data"]["lines"][0]["name"] == 'Tea\n"green"'
    assert len(rows) == 2


@given(st.lists(st.text(st.sampled_from('ab,"\n'), min_size=1, max_size=12), max_size=12))
def test_no_line_is_lost_whatever_its_quotes(texts: list[str]) -> None:
    source = [line for text in texts for line in text.split("\n")]
    found = [record for _, record in records_of(source, 3)]
    kept = "".join(x.text if not isinstance(x, list) else "".join(x) for x in found)
    # Commas, quotes and line ends may be syntax; every other character comes out, in order.
    assert [c for c in kept if c in "ab"] == [c for c in "".join(source) if c in "ab"]


def test_a_line_without_end_is_one_bad_row_and_the_next_one_is_read(tmp_path: Path) -> None:
    """Never more than the beginning of a line is held in memory."""
    file = tmp_path / "file"
    endless = "9" * 3_000_000
    file.write_bytes(gzip.compress(f"c1,2026-10-01,1,5.00\n{endless}\nc2,2026-10-01,1,5.00\n".encode()))
    good, bad, last = read_master(lines_of(file), history(), Findings())
    assert isinstance(good, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.slug, len(bad.text)) == (2, "line_too_long", lines.LONGEST_LINE)
    assert "3000001 bytes" in bad.detail


def test_a_long_cell_is_one_bad_row() -> None:
    long = TooLong(f'1,A,"{"x" * 10}', 200_000)
    found = list(records_of([HEADER, long, f"2,A,T,1,{DAY},5.00,c1,X"], 8))
    assert [(line, type(x)) for line, x in found] == [(1, list), (2, TooLong), (3, list)]


def test_a_packed_file_that_swells_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LARGEST_FILE", 1_000_000)
    file = tmp_path / "bomb"
    file.write_bytes(gzip.compress(b"c1,2026-10-01,1,5.00\n" * 100_000))
    with pytest.raises(UnreadableFile) as refused:
        list(lines_of(file))
    assert refused.value.slug == "file_too_large"


@pytest.mark.parametrize(
    ("row", "customer"),
    [
        (f"610.0,A,T,6.0,{DAY},5.00,17850.0,X", "17850"),
        (f'610,A,T,6,{DAY},5.00,"17850,0",X', "17850"),
        (f"610,A,T,6,{DAY},5.00,17850.5,X", "17850.5"),
    ],
)
def test_a_whole_number_written_by_a_spreadsheet_is_that_number(row: str, customer: str) -> None:
    (sale,), _, _ = retail(row)
    assert sale.event["subject"] == customer
    assert sale.event["data"]["order_id"] == "610"


def test_the_number_of_a_cancellation_is_one_behind_its_letter_too() -> None:
    rows, _, _ = retail(f"610.0,85123.0,T,6.0,{DAY},5.00,17850.0,X", f"C616.0,85123,T,-6.00,{DAY},5.00,17850,X")
    assert [row.event["data"].get("refund_id") for row in rows] == [None, "C616-2-0"]
    assert rows[1].event["data"]["order_id"] == "610"
    assert rows[0].event["data"]["lines"][0]["sku"] == "85123"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *[("17850.0", "17850"), ("17850,0", "17850"), ("17850.000", "17850"), ("0.0", "0"), ("-1.00", "-1")],
        *[("17850", "17850"), ("17850.5", "17850.5"), ("v1.0", "v1.0"), ("1.2.0", "1.2.0"), ("1.000", "1.000")],
    ],
)
def test_a_name_is_a_number_without_the_decimals_of_a_program_of_tables(written: str, name: str) -> None:
    assert plain_number(written) == name


@pytest.mark.parametrize(
    "written",
    [
        *["1.000", "17,000", "-2.000", "1,017", "1,017.00", "1.017,0", "1.000.000", "1.000,0", "1'017", "1'000.00"],
        *["1\u2019017", "12,345,678", "1,234,567.5", "12.", "12,"],
    ],
)
def test_a_name_that_may_be_a_thousand_times_as_much_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write it without the mark"):
        identifier(written, "customer")


@pytest.mark.parametrize("written", ["1.2.0", "v1.000.000", "17850.5", "123.456-7", "2026.10.01", "1.0170", "1.017"])
def test_a_name_with_marks_that_no_program_of_tables_writes_stands(written: str) -> None:
    assert identifier(written, "customer") == written


AT_THE_END = {
    "cdnow_master": "c1,{day},1,5.00\nc2,2026-10-01,1,5.00",
    "cdnow_sample": "c1 1 {day} 1 5.00\nc2 2 20261001 1 5.00",
    "online_retail": f"{HEADER}\n1,A,T,1,{{day}} {{time}},5.00,c1,X\n2,A,T,1,{DAY},5.00,c2,X",
    "orders": f"order_id,customer,time,paid\n1,c1,{{day}} {{time}},5.00\n2,c2,{DAY},5.00",
    "shopify_orders": (
        "Name,Email,Financial Status,Created at,Total,Lineitem quantity,Lineitem name,Lineitem price\n"
        "#1,,pending,{day} {time}:00,5.00,1,T,5.00\n#2,,pending,2026-10-01 10:00:00,5.00,1,T,5.00"
    ),
    "woocommerce_orders": (
        "order_id,status,order_total,order_date\n1,pending,5.00,{day} {time}:00\n2,pending,5.00,2026-10-01 10:00:00"
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("day", "time"), [("0001-01-01", "00:00"), ("9999-12-31", "23:59")])
@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_a_row_at_an_end_of_the_calendar_is_refused_and_the_others_are_taken(
    layout: str, day: str, time: str, zone: str
) -> None:
    """9999-12-31 is SAP's and SQL Server's word for no date; in UTC it may lie beyond all that there is."""
    text = AT_THE_END[layout].format(day=day, time=time)
    asked = History("teahouse", "file", "USD", ZoneInfo(zone), hashing=b"key")
    found = list(LAYOUTS[layout].read(text.split("\n"), asked, Findings()))
    assert [one.slug for one in found if isinstance(one, BadRow)] == ["invalid_row"]
    assert len([one for one in found if isinstance(one, Row)]) == 1


@pytest.mark.parametrize(
    "text",
    [
        '"customer_id","date","number_of_cds","dollar_value"\n"00004",1997-01-01,1,29.33',
        '"customer_id","date","number_of_cds","dollar_value"\n"00004","1997-01-01","1","29.33"',
        '"customer_id" "date" "number_of_cds" "dollar_value"\n"00004"   "19970101"  1  29.33',
        "customer_id, date, number_of_cds, dollar_value\n00004, 1997-01-01, 1.0, 29.33",
        " 00004 19970101  1  29.33 ",
    ],
)
def test_rows_of_cdnow_are_read_as_csv_or_by_white_space(text: str) -> None:
    [row] = read_master(text.split("\n"), history(), Findings())
    assert isinstance(row, Row)
    assert (row.event["subject"], row.event["data"]["goods_paid"]) == ("00004", 2933)
    assert row.event["data"]["lines"][0]["quantity"] == 1


def test_a_number_of_a_customer_of_cdnow_is_that_number() -> None:
    [row] = read_sample(["4.0,1.0,1997-01-01,1,29.33"], history(), Findings())
    assert row.event["subject"] == "4" if isinstance(row, Row) else row


@pytest.mark.parametrize("customer", ['"00007', '""', '"ann li"', '"a"b', "1.000", "a/b"])
def test_a_customer_of_cdnow_that_is_none_is_refused_with_its_row_alone(customer: str) -> None:
    rows = ["1,1997-01-01,1,29.33", f"{customer},1997-01-01,1,29.33", "2,1997-01-01,1,29.33"]
    first, bad, last = read_master(rows, history(), Findings())
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, BadRow)
    assert (bad.slug, bad.line, bad.text) == ("invalid_row", 2, rows[1])


@pytest.mark.parametrize("code", ["M", "D", "S", "B", "CRUK", "BANK CHARGES", "AMAZONFEE", "m"])
def test_codes_that_name_no_goods_are_matched_with_no_sale(code: str) -> None:
    rows, _, findings = retail(f"1,{code},Manual,1,{DAY},100,c1,X", f"C2,{code},Manual,-1,2026-10-02 10:00,90,c1,X")
    refund = rows[1].event["data"]
    assert ("order_id" in refund, refund["amount"]) == (False, 9_000)
    assert findings.counts["cancellations_of_no_goods"] == 1


@pytest.mark.parametrize("quantity", ["1_000", "１０", "1e3", "²", "", "99999999"])
def test_only_plain_digits_are_a_number_of_pieces(quantity: str) -> None:
    rows, bad, _ = retail(f"1,A,T,{quantity},{DAY},5.00,c1,X")
    assert (len(rows), len(bad)) == (0, 1)
    assert (not quantity) or quantity not in bad[0].detail


def test_ids_sort_as_the_file_does() -> None:
    """Inputs of one instant are folded in order of their ids."""
    rows = [r for r in read_master([f"c,2026-10-01,1,{n}" for n in range(1, 120)], history(), Findings())]
    ids = [r.event["id"] for r in rows if isinstance(r, Row)]
    assert ids == sorted(ids)
    assert len(ids) == 119


@given(st.lists(st.sampled_from(['a,b"c', 'a,"b', '"a,b', "a,b", 'a","b']), max_size=30))
def test_broken_records_say_what_they_were(source: list[str]) -> None:
    broken = [x.text for _, x in records_of(source, 2) if isinstance(x, Broken)]
    assert all(text in source for text in broken)


async def test_rows_and_refusals_are_sealed_where_they_are_kept(
    api: httpx.AsyncClient, db: Database, vault: Vault
) -> None:
    """Lines of files may name people."""
    text = "jane-roe,2026-01-01,1,5.00\njane-roe,2026-13-01,1,5.00\n"
    answer = await api.post("/v1/shops/demo/imports", params={"layout": "cdnow_master"}, content=text.encode())
    assert answer.status_code == 202, answer.text
    async with db.transaction() as tx:
        kept: list[Any] = [r.body for r in await tx.fetch("select body from import_rows")]
        kept += [r.text for r in await tx.fetch("select text from import_refusals")]
    assert len(kept) == 2
    assert all(b"jane" not in bytes(k) for k in kept)
    while await job.step(db, vault):
        pass
    (refusal,) = (await api.get("/v1/shops/demo/imports/cdnow_master-1/refusals")).json()
    assert refusal["text"] == "jane-roe,2026-13-01,1,5.00"
    assert "2026" not in refusal["detail"].split(":")[1]


async def test_pages_of_refusals_leave_out_none_of_a_line_that_was_refused_several_times(
    api: httpx.AsyncClient, db: Database, vault: Vault
) -> None:
    """A line makes several events, and each may be refused for a reason of its own."""
    answer = await api.post(
        "/v1/shops/demo/imports", params={"layout": "cdnow_master"}, content=b"a,2026-13-01,1,5.00\n"
    )
    assert answer.status_code == 202, answer.text
    sealed = vault.seal_line(refusals.refusal_place("demo", "cdnow_master-1", 2), b"line")
    refused = [
        refusals.RefusedRow("demo", "cdnow_master-1", line, slug, "why", sealed)
        for line, slug in ((2, "late"), (2, "late"), (2, "early"))
    ]
    async with db.transaction() as tx:
        await refusals.insert_refusals(tx, refused)
    path, found, after = "/v1/shops/demo/imports/cdnow_master-1/refusals", list[tuple[int, str]](), 0
    while page := (await api.get(path, params={"after": after, "limit": 1})).json():
        found += [(refusal["line"], refusal["slug"]) for refusal in page]
        after = page[-1]["number"]
    assert found == [(1, "invalid_row"), (2, "late"), (2, "late"), (2, "early")]


async def test_a_repeat_is_recognised_by_what_the_file_says(
    api: httpx.AsyncClient, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that makes more of a row does not turn the same file into conflicts."""
    text = b"c1,2025-10-01,1,5.00\n"
    for version in ("one", "two"):
        answer = await api.post("/v1/shops/demo/imports", params={"layout": "cdnow_master"}, content=text)
        assert answer.status_code == 202, answer.text

        def richer(body: Any, *rest: Any, version: str = version) -> Any:
            body["data"]["platform"] = version
            return check(body, *rest)

        monkeypatch.setattr(job, "check", richer)
        while await job.step(db, vault):
            pass
    report = (await api.get("/v1/shops/demo/imports/cdnow_master-2")).json()
    assert (report["accepted"], report["duplicates"], report["refused"]) == (0, 1, 0)
