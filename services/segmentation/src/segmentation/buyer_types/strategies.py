"""What to do for each buyer type (SEG-083 to SEG-091): the source's actions, which a shop may replace by its own."""

from __future__ import annotations

from collections.abc import Mapping

from common.events.segments import BuyerType

STRATEGIES: Mapping[BuyerType, tuple[str, ...]] = {
    "emotional": (
        "develop as a word-of-mouth ambassador",
        "offer the review with gift",
        "invite the extremely loyal to activities offline",
        "coach the benefit-sensitive as affiliates",
    ),
    "impulsive": (
        "show strong pictures and topic pages that guide",
        "find the psychological need",
        "tell of novel and trendy products and events",
        "inform about credit-card spending and finance",
    ),
    "rational": (
        "present by reason and logic",
        "stress the quality of product and service",
        "answer questions and claims first",
    ),
    "vip_type": (
        "give a platform of their own to talk to the shop",
        "offer services of added value",
        "take advice and complaints seriously",
        "keep complaints and disputes few",
        "open the green channel, with an after-sale agent of their own",
    ),
    "habitual": (
        "make navigation easier, with buttons by what is searched for",
        "strengthen favourites",
        "remind by the consumption cycle",
    ),
    "opinion_led": (
        "run themed campaigns for them",
        "show good reviews and posts",
        "lead into groups where active buyers speak",
    ),
    "cautious": (
        "show guarantees of consumers' rights, and what opinion leaders say",
        "publish articles on the company's good image",
        "stress what the brand stands for",
    ),
    "greedy": (
        "send information on low-price promotions to them alone",
        "invite into the bargain club",
    ),
}
