"""The facts of customers, computed from the published files with pandas: what segmentation must say of them.

Nothing of segmentation or of the import is used: whoever doubts a figure of either has a second way to it.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

POSTAGE = ("POST", "DOT", "C2")
NO_GOODS = ("M", "D", "S", "B", "CRUK", "BANK CHARGES", "AMAZONFEE")
"""Codes of Online Retail that are freight, and that name nothing that could be given back."""
SHORTEST, LONGEST, DEFAULT = 7, 365, 60
"""Days: bounds of the usual gap, and the shop's gap until 30 are known."""
LADDER = (("active", 1), ("sleeping", 2), ("pre_churn", 3), ("churned", 6))
"""How many usual gaps each part of the life cycle lasts at most; then comes dead."""
FIXED = (60, 2, 20_000)
"""R at most, F and M at least, minor units."""


def cdnow(content: bytes, width: int = 5) -> pd.DataFrame:
    """The sales of CDNOW's sample, or of the whole with four columns: customer, day, orders, net in cents."""
    names = ["customer", "day", "pieces", "value"] if width == 4 else ["customer", "sample", "day", "pieces", "value"]
    read = pd.read_csv(io.BytesIO(content), sep=r"\s+", header=None, names=names, dtype=str)
    net = (read.value.astype(float) * 100).round().astype("int64")
    return pd.DataFrame({"customer": read.customer, "day": pd.to_datetime(read.day), "orders": 1, "net": net})


def online_retail(content: bytes) -> pd.DataFrame:
    """The sales of Online Retail's customers: a row an invoice, with what of its goods was not given back, pence, of no
    order where all was; and a row, of no order, for what was cancelled and had not been sold."""
    read = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    read = read[(read.CustomerID != "") & ~read.InvoiceNo.str.upper().str.startswith("A")]
    read = read.assign(
        customer=read.CustomerID.str.replace(r"\.0+$", "", regex=True),
        at=pd.to_datetime(read.InvoiceDate),
        pieces=read.Quantity.astype("int64"),
        tenths=(read.UnitPrice.astype(float) * 1_000).round().astype("int64"),
        place=np.arange(len(read)),
        cancels=read.InvoiceNo.str.upper().str.startswith("C"),
    )
    read = read[read.cancels == (read.pieces < 0)]
    # An invoice is of the time of its first line; of one time as the file has them.
    first = read.groupby("InvoiceNo").agg(began=("at", "first"), order=("place", "first"))
    read = read.join(first, on="InvoiceNo").sort_values(["began", "order", "place"])
    given_back = _cancel(read)
    sold = read[~read.cancels]
    goods = sold[~sold.StockCode.isin(POSTAGE)].assign(paid=lambda x: _pence(x.pieces * x.tenths))
    paid = goods.groupby("InvoiceNo").paid.sum()
    asked = _wanted_back(goods)
    rows = []
    for invoice, customer, at in sold.drop_duplicates("InvoiceNo")[["InvoiceNo", "customer", "began"]].itertuples(
        index=False
    ):
        amount, pieces = given_back.orders.get(invoice, (0, Counter[str]()))
        back, total = asked.get(invoice, {}), int(paid.get(invoice, 0))
        whole = bool(pieces) and (
            all(pieces.get(sku, 0) >= n for sku, n in back.items()) if back else 0 < total <= amount
        )
        rows.append((customer, at, 0, 0) if whole else (customer, at, 1, max(0, total - amount)))
    rows += [(customer, at, 0, -amount) for customer, at, amount in given_back.others]
    found = pd.DataFrame(rows, columns=["customer", "at", "orders", "net"])
    return found.assign(day=found["at"].dt.normalize())[["customer", "day", "orders", "net"]]


@dataclass(slots=True)
class GivenBack:
    """By invoice the pence of goods and the pieces by code; and by customer what had not been sold to them."""

    orders: dict[str, tuple[int, Counter[str]]]
    others: list[tuple[str, Any, int]]


def _cancel(lines: pd.DataFrame) -> GivenBack:
    """Cancelled lines take back the customer's newest earlier sales of the code."""
    left: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    found = GivenBack({}, [])
    columns = lines[["InvoiceNo", "customer", "began", "StockCode", "pieces", "tenths", "cancels"]]
    for invoice, customer, at, sku, pieces, tenths, cancels in columns.itertuples(index=False):
        named = sku.upper() not in NO_GOODS
        if not cancels:
            if named:
                left[customer, sku].append([invoice, pieces, _penny(pieces * tenths)])
            continue
        wanted = -pieces
        for sale in reversed(left[customer, sku] if named else []):
            taken = min(wanted, sale[1])
            if not taken:
                continue
            amount = min(_penny(taken * tenths), sale[2])
            sale[1], sale[2], wanted = sale[1] - taken, sale[2] - amount, wanted - taken
            known, codes = found.orders.get(sale[0], (0, Counter[str]()))
            codes[sku] += taken
            found.orders[sale[0]] = known + (0 if sku in POSTAGE else amount), codes
            if not wanted:
                break
        if wanted and sku not in POSTAGE:
            found.others.append((customer, at, _penny(wanted * tenths)))
    return found


def _wanted_back(goods: pd.DataFrame) -> Mapping[str, Mapping[str, int]]:
    """By invoice and code how many pieces make it an invoice given back whole; free ones only where all are."""
    paying = goods.groupby("InvoiceNo").tenths.transform("max") > 0
    counted = goods[(goods.tenths > 0) | ~paying].groupby(["InvoiceNo", "StockCode"]).pieces.sum()
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (invoice, sku), pieces in counted.items():
        found[invoice][sku] = int(pieces)
    return found


def _pence(thousandths: pd.Series) -> pd.Series:
    return (thousandths + 5) // 10


def _penny(thousandths: int) -> int:
    """Rounded half up."""
    return (int(thousandths) + 5) // 10


def facts(sales: pd.DataFrame, today: date, method: str, window_months: int) -> pd.DataFrame:
    """A row a customer with the columns of `COMPARED`, as of 00:00 of `today`, by statistics of everything before."""
    now = pd.Timestamp(today)
    buying = sales[sales.orders > 0]
    found = pd.DataFrame(index=pd.Index(sorted(sales.customer.unique()), name="customer"))
    by = buying.groupby("customer")
    found["orders"] = by.orders.sum()
    found["orders"] = found.orders.fillna(0).astype(int)
    found["first"], found["last"] = by.day.min().dt.date, by.day.max().dt.date
    days = buying[["customer", "day"]].drop_duplicates().sort_values(["customer", "day"])
    gaps = days.groupby("customer").day.diff().dt.days.dropna()
    found["own_gaps"] = (by.day.nunique() - 1).reindex(found.index).fillna(0).astype(int)
    shop_gap = float(gaps.median()) if len(gaps) >= 30 else float(DEFAULT)
    own = (by.day.max() - by.day.min()).dt.days
    usual = ((2 * shop_gap + own) / (2 + found.own_gaps)).clip(SHORTEST, LONGEST)
    since = (now - by.day.max()).dt.days
    found["usual_gap"] = usual.round(2)
    found["days_since"] = since
    found["life_cycle"] = [
        None if pd.isna(d) else next((name for name, n in LADDER if d <= n * gap + 1e-9), "dead")
        for d, gap in zip(since.reindex(found.index), usual.reindex(found.index), strict=True)
    ]
    found["lapsed"] = (by.day.max() + pd.DateOffset(months=2) <= now).reindex(found.index)
    return found.join(_rfm(sales, now, method, window_months))


def _rfm(sales: pd.DataFrame, now: pd.Timestamp, method: str, window_months: int) -> pd.DataFrame:
    within = sales[sales.day >= now - pd.DateOffset(months=window_months)]
    by = within.groupby("customer")
    rfm = pd.DataFrame({"f": by.orders.sum(), "m": by.net.sum().clip(lower=0)})
    rfm = rfm[rfm.f > 0]
    last = sales[sales.orders > 0].groupby("customer").day.max().reindex(rfm.index)
    rfm["r"] = (now - last).dt.days
    if method in ("mean", "fixed"):
        if method == "mean":
            high = rfm.r < rfm.r.mean(), rfm.f > rfm.f.mean(), rfm.m * len(rfm) > rfm.m.sum()
        else:
            high = rfm.r <= FIXED[0], rfm.f >= FIXED[1], rfm.m >= FIXED[2]
        r, f, m = (each.astype(int) for each in high)
    else:
        spent = rfm.m - rfm.m % (10 ** (rfm.m.astype(str).str.len() - 4).clip(lower=0))
        keys = [(rfm.r, 1), (rfm.f, 1), (spent, 100)]
        if method == "equal_groups":
            # R is told apart by F, F and M by R, the more recent standing higher.
            keys = [
                (rfm.r * 1_024 + 1_023 - rfm.f, 1),
                (rfm.f * 4_096 + 4_095 - rfm.r, 1),
                (spent * 4_096 + 4_095 - rfm.r, 1),
            ]
        above = [sum((key > top).astype(int) for top in _fifths(key, unit)) for key, unit in keys]
        r, f, m = 5 - above[0], 1 + above[1], 1 + above[2]
    rfm["cell"] = r.astype(str) + f.astype(str) + m.astype(str)
    return rfm


def _fifths(values: pd.Series, unit: int) -> list[int]:
    """Quantiles of pandas, which are of type 7, rounded up to whole units."""
    found = values.quantile([0.2, 0.4, 0.6, 0.8], interpolation="linear")
    return [int(np.ceil(round(each / unit, 6))) * unit for each in found]
