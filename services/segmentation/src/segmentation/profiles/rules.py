"""The level of a Chinese city as a sign of what is spent there (SEG-039)."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

CityLevel = Literal["tier_1", "tier_2", "tier_3_4", "remote"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TIER_1 = frozenset(("北京", "上海", "广州", "深圳"))
# Capitals of provinces, cities with a plan of their own, and the large cities of the coast and the river.
_TIER_2 = _names(
    "天津 重庆 成都 杭州 武汉 西安 南京 苏州 郑州 长沙 东莞 沈阳 青岛 合肥 佛山 宁波 "
    "昆明 福州 无锡 厦门 济南 大连 哈尔滨 温州 石家庄 南宁 泉州 长春 南昌 贵阳 金华 常州 "
    "惠州 嘉兴 徐州 南通 太原 珠海 中山 烟台 海口 绍兴"
)
_REMOTE = frozenset(("西藏", "新疆", "青海", "内蒙古", "宁夏", "甘肃"))
_PROVINCES = _names(
    "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 "
    "湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 内蒙古 广西 西藏 宁夏 新疆"
)
_ENDINGS = ("维吾尔自治区", "回族自治区", "壮族自治区", "自治区", "特别行政区", "地区", "省", "市")
# Characters of these names that differ in traditional writing.
_SIMPLE = str.maketrans(
    "廣東門寧蘇貴陽濟蘭蒙遼龍慶漢長鄭瀋連爾濱溫錫鎮無內肅煙臺紹興",
    "广东门宁苏贵阳济兰蒙辽龙庆汉长郑沈连尔滨温锡镇无内肃烟台绍兴",
)


@lru_cache(maxsize=4096)
def city_level(region: str | None, city: str | None) -> CityLevel | None:
    """The level of the city, or of the region where it is one of the remote; None where neither is known in China.

    上海 is tier_1. A city of a province that is named and not listed is tier_3_4.
    """
    place, province = _plain(city), _plain(region)
    if place in _TIER_1 or province in _TIER_1:
        return "tier_1"
    if place in _TIER_2 or province in ("天津", "重庆"):
        return "tier_2"
    if province in _REMOTE or place in _REMOTE:
        return "remote"
    return "tier_3_4" if province in _PROVINCES else None


def _plain(name: str | None) -> str:
    """The name without what kind of place it is, in simplified characters."""
    plain = (name or "").strip().translate(_SIMPLE)
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) > len(ending) + 1:
            return plain.removesuffix(ending)
    return plain
