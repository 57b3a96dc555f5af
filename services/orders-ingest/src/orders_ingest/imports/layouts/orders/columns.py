"""Which column of a file says what: guessed from the header, corrected by the shop."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.values.wording import misspelt
from orders_ingest.imports.lines import UnreadableFile

NAMES: Mapping[str, tuple[str, ...]] = {
    "order_id": ("order id", "order", "order number", "order no", "order nr", "bestellnummer", "订单号", "订单编号"),
    "customer": (
        "customer id",
        "customer",
        "customer number",
        "user id",
        "kundennummer",
        "客户编号",
        "会员编号",
        "买家id",
    ),
    "time": ("time", "created at", "date", "order date", "ordered at", "datum", "下单时间", "订单创建时间", "日期"),
    "state": ("state", "status", "order status", "订单状态"),
    "paid_at": ("paid at", "payment date", "付款时间", "订单付款时间"),
    "completed_at": ("completed at", "completion date", "确认收货时间", "完成时间"),
    "currency": ("currency", "währung", "币种"),
    "goods_paid": ("goods paid", "order total", "goods total", "实付金额"),
    "freight": ("freight", "shipping", "postage", "versand", "运费", "邮费"),
    "sku": ("sku", "lineitem sku", "item sku", "product id", "artikelnummer", "商品编码", "商家编码"),
    "name": ("product name", "lineitem name", "item name", "title", "bezeichnung", "商品名称", "宝贝标题"),
    "category": ("category", "product category", "kategorie", "类目"),
    "brand": ("brand", "vendor", "marke", "品牌"),
    "quantity": ("quantity", "lineitem quantity", "qty", "menge", "数量", "购买数量"),
    "unit_price": ("unit price", "lineitem price", "price", "einzelpreis", "单价"),
    "paid": ("paid", "line total", "line paid", "betrag", "小计"),
}
"""Each field, and the headings under which it is found, in lower case; its own name is one too."""
NEEDED = ("order_id", "time")
# A full-width semicolon may be part of a heading: it parts where a field follows it.
_PARTS, _COLON = re.compile(r";|；(?=\s*(?:[a-z_]+\s*[:：]|$))"), re.compile("[:：]")
_GAPS = re.compile(r"[\s_\-.:]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """The place of each field that the file has."""

    places: Mapping[str, int]
    width: int

    def of(self, cells: Sequence[str]) -> dict[str, str]:
        """The fields of a row that say something."""
        return {field: text for field, at in self.places.items() if (text := cells[at].strip())}


def find_columns(header: Sequence[str], corrected: Mapping[str, str]) -> Columns:
    """The columns of a header. Raises UnreadableFile, which names what is missing and what there is."""
    headings = [_plain(text) for text in header]
    for field, heading in corrected.items():
        if field not in NAMES:
            raise UnreadableFile("invalid_columns", f"columns: {field[:50]}: {misspelt(field, NAMES)}")
        # "-": the shop says that no column is this field.
        if heading != "-" and _plain(heading) not in headings:
            raise UnreadableFile(
                "invalid_columns", f"columns: the file has no column {heading[:100]!r}; {_there(header)}"
            )
    places = _places(headings, corrected)
    missing = [field for field in NEEDED if field not in places]
    if missing:
        raise UnreadableFile(
            "wrong_layout",
            f"no column was found for {' and '.join(missing)}: say which it is, as columns={missing[0]}:Heading;"
            f" {_there(header)}",
        )
    if "goods_paid" not in places and "paid" not in places and "unit_price" not in places:
        raise UnreadableFile(
            "wrong_layout",
            f"no column was found for what was paid: say columns=goods_paid:Heading for orders, or paid: or unit_price:"
            f" for lines; {_there(header)}",
        )
    return Columns(places, len(header))


def fields_of(keys: Iterable[str], corrected: Mapping[str, str]) -> dict[str, str]:
    """The fields that keys of an object name: field to key."""
    there = list(keys)
    return {field: there[at] for field, at in _places([_plain(key) for key in there], corrected).items()}


def _places(headings: Sequence[str], corrected: Mapping[str, str]) -> dict[str, int]:
    """Where each field stands: where the shop says, else under the first of its names that no other field has."""
    places = {
        field: headings.index(_plain(heading)) for field, heading in corrected.items() if _plain(heading) in headings
    }
    taken = set(places.values())
    for field, names in NAMES.items():
        if field in corrected:
            continue
        for name in (_plain(field), *names):
            at = headings.index(name) if name in headings else None
            if at is not None and at not in taken:
                places[field] = at
                taken.add(at)
                break
    return places


def parse_corrections(text: str) -> dict[str, str]:
    """`order_id:Name;paid:Line total` as a mapping, with full-width signs too. Raises ValueError."""
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, _PARTS.split(text))):
        field, *heading = (each.strip() for each in _COLON.split(part, maxsplit=1))
        if not heading or not heading[0]:
            raise ValueError("must be field:Heading, several parted by `;`, with `-` for a field that no column is")
        found[field] = heading[0]
    return found


def _plain(text: str) -> str:
    return _GAPS.sub(" ", text).strip().lower()


def _there(header: Sequence[str]) -> str:
    return f"the file's columns are {', '.join(header)[:300]}"
