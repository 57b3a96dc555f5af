"""What simulated customers write: reviews by stars and complaints by kind, in the shop's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

REVIEWS: Mapping[str, Mapping[int, Sequence[str]]] = {
    "en": {
        1: ("Broken when it arrived, and nobody answers.", "Nothing like the picture. I want my money back."),
        2: ("Took two weeks and the box was crushed.", "Poor quality for the price."),
        3: ("It is all right, nothing special.", "Good, but smaller than I thought."),
        4: ("Nice quality, delivery could be faster.", "Very pleased, the wrapping could be better."),
        5: ("Exactly what I was looking for, thank you!", "Lovely, and it came the next day.", "My third order here."),
    },
    "zh": {
        1: ("收到就是坏的，客服也不理人。", "和图片完全不一样，要求退款。"),
        2: ("等了两个星期，盒子都压扁了。", "这个价格质量太差了。"),
        3: ("一般般吧。", "还可以，就是比想象的少。"),
        4: ("质量不错，物流可以再快一点。", "挺满意的，包装还能更好。"),
        5: ("正是我想要的，谢谢店家！", "茶很香，第二天就到了。", "第三次回购了，一如既往的好。"),
    },
}
COMPLAINTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "en": (
        ("quality", "Two of the items came with scratches."),
        ("delivery", "The parcel was left in the rain."),
        ("complaint", "The discount that was promised was not taken off."),
    ),
    "zh": (
        ("quality", "有两件商品有划痕。"),
        ("delivery", "包裹被放在雨里淋湿了。"),
        ("complaint", "说好的优惠没有给我减。"),
    ),
}
