"""What a community is: where, for whom, who leads it, by which rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.events.fields import Text
from common.values.names import READ, ShownLine, ShownWords
from membership.programme.programme import TierId

Channel = Literal[
    "wechat_group", "wechat_account", "qq_group", "wangwang_group", "weibo", "tencent_weibo", "forum", "xiaohongshu",
    "douyin", "baidu_zhidao", "baidu_tieba", "aiguangjie", "mogujie", "meilishuo", "taobao_bangpai", "douban", "shop",
    "other",
]  # fmt: skip
"""The sources' registry of channels (MEM-095, MEM-096)."""


class Community(BaseModel):
    """`tier_from`: for members of that tier and above (MEM-040), null for everybody. `owner`: an adviser or key
    customer (MEM-097); `theme`: a skin type, an interest; `rules` and `topic` are published in it (MEM-094).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ShownLine
    channel: Channel
    tier_from: TierId | None = None
    theme: Annotated[Text, Field(description=READ)] | None = None
    owner: Text | None = None
    rules: ShownWords | None = None
    topic: ShownWords | None = None
    open: bool = True
