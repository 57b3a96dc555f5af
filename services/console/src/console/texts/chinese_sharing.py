"""Chinese texts of what partners are given."""

from __future__ import annotations

SHARING = {
    "A file of all that was agreed": "包含协议全部字段的文件",
    "A partner gets customers and orders under pseudonyms of its own, and the fields of its agreement alone; never a "
    "name or an address.": "合作方得到的顾客和订单均使用其专属的化名，且仅含协议中的字段，绝不包含姓名或地址。",
    "Agreed": "达成协议",
    "An agreement with a partner": "与合作方的协议",
    "And before": "并早于",
    "Begin other pseudonyms": "启用新的化名",
    "Change the agreement": "更改协议",
    "Contract or joint campaign": "合同或联合活动",
    "Download as it stands now": "按当前状态下载",
    "Download the pseudonyms to delete": "下载需删除的化名",
    "End the agreement": "终止协议",
    "Five years of birth": "出生年份（五年一段）",
    "Freight, to two figures": "运费（保留两位有效数字）",
    "Given to partners": "提供给合作方",
    "Keep the agreement": "保存协议",
    "Later files cannot be joined with earlier ones, and nobody can say any more whom those meant.": (
        "之后的文件无法与之前的关联，也没有人能再说出之前的化名指的是谁。"
    ),
    "Letters and digits, no spaces; each name once.": "字母和数字，不含空格；名称不可重复。",
    "Month of the first order": "首单月份",
    "Month of the last order": "末单月份",
    "Month of the order": "下单月份",
    "Name of the file": "文件名称",
    "No file is written any more, and the key of its pseudonyms is gone for ever; the register stays.": (
        "不再生成任何文件，化名的密钥永久销毁；登记簿保留。"
    ),
    "Nothing is given by this. The partner gets pseudonyms of its own, and the fields that are chosen here alone.": (
        "此操作不提供任何数据。合作方使用其专属的化名，且仅得到此处所选的字段。"
    ),
    "Nothing is given to anybody.": "没有向任何人提供数据。",
    "Nothing yet.": "尚无。",
    "Number of items": "件数",
    "Number of orders": "订单数",
    "Of each customer": "每位顾客",
    "Of each order": "每个订单",
    "Of orders placed from": "下单时间从",
    "Of the partner, in addresses: letters and digits, no spaces.": "合作方在网址中的简称：字母和数字，不含空格。",
    "Other pseudonyms": "新的化名",
    "Pseudonyms": "化名",
    "Pseudonyms that the partner must delete: of who was erased, or said no.": (
        "合作方必须删除的化名：已被删除或已拒绝的顾客。"
    ),
    "Register the file": "登记文件",
    "Revoke it": "撤销",
    "Revoked {at}: nothing is given any more, and nobody can say whom its rows meant.": (
        "已于 {at} 撤销：不再提供任何数据，也没有人能说出其中的行指的是谁。"
    ),
    "Short name": "简称",
    "What is given": "提供内容",
    "What it was given": "已提供的内容",
    "What the partner may use it for; it stands in the register.": "合作方可用于何种用途；将记入登记簿。",
    "What was paid back, to two figures": "退款金额（保留两位有效数字）",
    "What was paid, to two figures": "实付金额（保留两位有效数字）",
    "Who is gone": "已离开的顾客",
    "Whose rows": "包含哪些顾客",
    "asked for by {who}, {at}": "由 {who} 于 {at} 申请",
    "broken off, or under way": "已中断或进行中",
    "customers": "顾客",
    "key {n}, since {at}": "第 {n} 个密钥，自 {at} 起",
    "of all customers who did not say no": "所有未拒绝的顾客",
    "of customers who said yes to it": "明确同意的顾客",
    "orders": "订单",
    "revoked {at}": "已于 {at} 撤销",
    "{rows:row|rows} of {customers:customer|customers}, {withheld} without a description, key {key}": (
        "{customers} 位顾客的 {rows} 行，{withheld} 位不含描述，第 {key} 个密钥"
    ),
}
