"""The words by which rules read texts, in simplified Chinese and English; texts are brought to that form first.

An English word with a star at its end stands for all that begin so.
"""

from __future__ import annotations

from feedback.understanding.state import Signal, Topic

TOPIC_WORDS: dict[Topic, str] = {
    "usage": """用起来 使用 好用 难用 用了 试用 体验 效果 操作 上手 功能 口感 味道 好吃 难吃 好喝 难喝 吸收 起泡
        运行 卡顿 死机 发热 续航 信号 音质 usage use used uses using works working effect* experience* taste*
        flavo* smell* battery sound* handy easy difficult""",
    "packaging": """包装 外包装 盒子 箱子 纸箱 快递盒 礼盒 瓶子漏 漏了 泡沫 压扁 压坏 密封 封口 packag* packed
        wrapp* box boxes seal* leak*""",
    "logistics": """物流 快递 发货 送货 到货 配送 派送 送达 收货 运输 顺丰 圆通 中通 申通 韵达 邮政 骑手 外卖员
        送餐 签收 等了 deliver* shipping shipped shipment* ship courier* arriv* parcel* postage dispatch* late""",
    "quality": """质量 品质 做工 材质 面料 布料 掉色 褪色 起球 开线 线头 破损 损坏 坏了 坏的 烂了 烂的 腐烂 发霉
        变质 过期 不新鲜 新鲜 瑕疵 裂 假货 正品 真货 盗版 耐用 结实 quality broke* broken defect* damag* fake
        genuine durable sturdy flims* rotten fresh stale expired faulty cheaply material* fabric*""",
    "price": """价格 价钱 便宜 贵 性价比 实惠 划算 降价 涨价 差价 优惠 打折 折扣 物超所值 不值 值得 price*
        cheap* expensive value worth money cost* discount* bargain* overpriced""",
    "service": """服务 客服 卖家 店家 老板 态度 售后 退货 退款 退换 换货 投诉 回复 理人 维修 前台 服务员
        安装师傅 发票 service seller* staff support refund* return* exchange* rude polite helpful repl* warranty
        complain* assistant*""",
    "description": """描述 图片 照片 实物 色差 宣传 介绍 说明 详情 货不对板 不符 一致 广告 发错 少发 漏发
        describ* description* picture* photo* advertis* mislead* pictured as-shown wrong""",
    "size": """尺码 尺寸 大小 偏大 偏小 太大 太小 太长 太短 太紧 合身 号码 码数 版型 显瘦 size* sized fit fits
        fitted fitting tight loose too-big too-small small large""",
    "membership": """会员 积分 等级 权益 特权 成长值 优惠券 兑换 vip member* point points tier* benefit* reward*
        loyalty coupon* voucher*""",
    "activity": """活动 双十一 双11 双12 618 聚划算 秒杀 抢购 满减 预售 促销 赠品 抽奖 event* promotion* sale
        campaign* giveaway*""",
}
"""FBK-018, FBK-022, FBK-004."""

POSITIVE = """好 不错 很好 挺好 满意 喜欢 超赞 赞 棒 推荐 值得 舒服 漂亮 好看 好吃 好喝 好用 好闻 新鲜 实惠 划算
    便宜 方便 快 快速 很快 及时 正品 给力 完美 优秀 精致 精美 细心 周到 热情 耐心 贴心 干净 清晰 流畅 结实 耐用 合适
    合身 惊喜 开心 放心 好评 五星 物超所值 性价比高 柔软 显瘦 爱 感动 精彩 经典 收获 有用 香 甜 强大 稳定 不贵
    没问题 没有问题 没毛病 没的说 无可挑剔 回购 再来 还会 继续支持 good great excellent love* loved nice
    perfect* happy amazing awesome best beautiful* recommend* comfortable fast quick* easy easily works pleased
    satisf* wonderful fantastic worth sturdy durable fresh delicious helpful friendly thank* thanks impress*
    like likes liked enjoy* solid superb fine smooth* bright clear crisp reliable cute pretty excellently
    pleasant* surpris* glad favorite affordable outstanding"""

NEGATIVE = """差 很差 太差 差劲 差评 不好 不行 不满 失望 后悔 垃圾 糟糕 糟 坏 坏了 烂 破 假 假货 骗 骗人 欺骗
    上当 坑 坑爹 坑人 恶心 难吃 难喝 难用 难看 难闻 臭 异味 刺鼻 慢 太慢 贵 不值 不新鲜 发霉 变质 过期 掉色 褪色
    起球 开线 瑕疵 破损 损坏 漏 少发 漏发 发错 问题 毛病 故障 死机 卡顿 黑屏 蓝屏 退货 退款 投诉 态度恶劣 恶劣
    不理 无语 郁闷 气愤 生气 过敏 头痒 掉发 烦 麻烦 粗糙 薄 不如 不符 不一样 不一致 不合适 不舒服 不喜欢 不推荐
    不清晰 不耐用 不值得 没用 没有用 没效果 不管用 不会再 再也不 千万别 别买 不敢 不能 不给 不实 太小 太大 盗版
    二手 吵 噪音 脏 冷 凉了 硬 酸 无聊 枯燥 空洞 浪费 忽悠 敷衍 推脱 一般 凑合 bad poor* terribl* horribl* awful
    worst hate* disappoint* broke* broken defect* fake waste* useless return* refund* slow* late damage* rude
    cheaply flims* difficult hard problem* issue* fail* wrong rotten smell* leak* never stopped uncomfortable
    expensive annoy* junk garbage trash unfortunately lack* lacks unhelpful mislead* overpriced ugly noisy
    crash* freez* dead weak worse regret* complain* scratch* stain* torn unreliable frustrat* mediocre missing
    dirty"""

NO_FEELING = (
    """快递 快件 快餐 好像 好多 好几 好久 只好 最好 好不好 正好 爱人 香水 香皂 香港 冷水 冷却 硬件 硬盘 薄荷 不好意思"""
)
"""Words that hold one of the others and say nothing of it."""

NEGATIONS = """不 没 没有 无 未 别 不是 不太 不够 并不 毫无 no not never n't don't doesn't didn't isn't wasn't
    aren't won't can't cannot hardly without nothing dont didnt doesnt isnt wasnt cant couldn't wouldn't"""

SIGNAL_WORDS: dict[Signal, str] = {
    "story": """送给 送妈 送爸 送女友 送女朋友 送男朋友 送老婆 送老公 送朋友 送人 给妈妈 给爸爸 给老婆 给老公
        给女儿 给儿子 给孩子 给宝宝 给女朋友 给男朋友 给婆婆 给爷爷 给奶奶 给父母 给同事 生日 结婚 婚礼 纪念日
        周年 情人节 母亲节 父亲节 搬家 乔迁 毕业 怀孕 满月 回忆 小时候 故事 gift-for present-for my-mom my-mum
        my-mother my-father my-dad my-wife my-husband my-daughter my-son my-kid* my-girlfriend my-boyfriend
        birthday anniversary wedding graduation valentine* housewarming reminds-me my-childhood""",
    "haggling": """便宜点 便宜些 再便宜 优惠点 优惠些 再优惠 能不能少 少点 少一点 能少 打个折 打折吗 打点折
        包邮吗 能包邮 包个邮 送点 多送 送个 有赠品 有礼品 降价吗 讲价 砍价 议价 还价 抹零 抹个零 最低价 最低多少
        底价 有券吗 有优惠吗 有没有优惠 cheaper lower-the-price best-price lowest-price any-discount* a-discount
        price-match* free-gift* free-shipping negotiab* haggl* knock-off throw-in""",
    "praise_seeking": """好看吗 适合我吗 适合我吧 我眼光 眼光不错吧 眼光好吧 是不是很 对吧 厉害吧 漂亮吧 好看吧
        美吧 帅吧 你觉得我 你们觉得我 我皮肤好 我身材 我穿 夸我 do-i-look does-it-suit-me suit-me-right
        don't-you-think don't-i good-taste my-taste aren't-i am-i-right what-do-you-think-of-me""",
}
"""FBK-023; haggling and asking for praise are of chats, a story is of reviews, and each is looked for everywhere."""

SURPASSED = """比想象 比预期 比图片好 比照片好 超出预期 超出想象 超乎 出乎意料 意外的好 惊喜 没想到这么好
    没想到这么 物超所值 better-than-i-expected better-than-expected better-than-the-picture*
    better-than-i-thought exceed* pleasantly-surprised beyond-my-expectation* more-than-i-expected surpass*"""

DISAPPOINTED = """没有想象 没想象 不如想象 不如预期 没达到预期 和想象 跟想象 与描述不符 描述不符 与图片不符
    图片不符 货不对板 和图片不一样 跟图片不一样 和图片不一致 和照片不一样 和描述 实物差 失望 期望太高 大失所望
    色差 没有说的 没有宣传 不像宣传 not-as-described not-as-expected not-as-pictured disappoint* expected-better
    expected-more looked-different looks-different nothing-like-the let-down letdown below-expectation*
    less-than-i-expected"""
