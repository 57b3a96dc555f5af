"""Chinese texts of what a campaign may cost, staffing, reference tables and the company's stage."""

from __future__ import annotations

COMPANY = {
    "A payment is called {name} that is not of this campaign: take it off the list.": "已有一笔名为 {name} 的支出，但不属于该活动：请先将其移出列表。",
    "Budget item that pays for it": "由哪个预算项目支付",
    "Choose the budget item that pays for it, one that holds the day on which it begins.": "请选择支付该活动的预算项目，其期间须包含活动开始日。",
    "No approved budget item for campaigns holds the day on which it begins: add one, or have one approved.": "没有已批准且包含活动开始日的营销活动预算项目：请添加一个，或请人批准。",
    "Note that it cost {amount}": "记为实际花费 {amount}",
    "Nothing bounds what it may cost: write in its draft how many messages it sends at most.": "其费用没有上限：请在草稿中写明最多发送多少条消息。",
    "Nothing is held in the budget for it.": "预算中没有为它预留金额。",
    "Payment": "支出",
    "The shop keeps no budget for campaigns, so nothing holds what it costs.": "店铺没有营销活动预算，因此其费用不受限制。",
    "What it may cost": "最多可能花费",
    "What it may cost is held there. Once it is over, its page notes what it did cost.": "可能的花费将在此预留。活动结束后，可在其页面记下实际花费。",
    "{amount} of {item} are held for it.": "已从 {item} 为其预留 {amount}。",
    "{name}: {left} left": "{name}：剩余 {left}",
    "{n:message|messages} at {each}; coupons are not in it": "{n} 条消息，每条 {each}；不含优惠券",
}
