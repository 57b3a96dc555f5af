"""Chinese texts of how long customers are kept."""

from __future__ import annotations

RETENTION = {
    "A sign is an order and all that comes of it, a change of the profile, a consent, a visit, a ticket, an answer, a "
    "click, points used. Who gave none for so long is erased, once a day, and comes back under a new id alone.": (
        "动态指订单及其后续、资料变更、同意、到访、工单、答复、点击、使用积分。"
        "超过该期限没有任何动态的顾客会被删除，每天执行一次；此后只能以新编号重新成为顾客。"
    ),
    "Change how long customers are kept": "更改顾客资料保留期限",
    "Count": "统计",
    "From 1 to 240. Empty: everybody is kept for ever.": "1 至 240。留空：永久保留所有人。",
    "How long customers are kept": "顾客资料保留期限",
    "Keep customers no longer than this": "超过此期限即删除",
    "Looked at last on {day}": "上次检查：{day}",
    "Months without a sign": "无动态的月数",
    "Nobody is erased before": "在此之前不删除任何人",
    "Of {held:customer|customers} of whom something personal is held, {silent} gave no sign since {since}.": (
        "在保存有个人信息的 {held} 位顾客中，{silent} 位自 {since} 起没有任何动态。"
    ),
    "Set by": "设定人",
    "What a period would do today": "该期限今天会影响多少人",
    "Who is erased is erased for ever, in every service. A period that erases more begins a week later.": (
        "删除不可恢复，并在所有服务中生效。会删除更多人的期限在一周后开始生效。"
    ),
    "everybody is kept for ever": "永久保留所有人",
    "under way": "进行中",
    "{examined:customer|customers}, {erased} erased": "检查 {examined} 位顾客，删除 {erased} 位",
}
