"""How each key figure is counted, in words; by the route of segmentation that answers it."""

from __future__ import annotations

from console.texts import N_

KINDS = {
    "repurchase": N_(
        "Customers who bought twice or more in the period, of all who bought in it; and members who bought twice or "
        "more in it, of all members."
    ),
    "first-to-second": N_(
        "First-time buyers who buy again within 90 days. Of everybody: too low, since the newest had no time "
        "yet. Of those who had the time: late. Estimated (Kaplan-Meier): neither."
    ),
    "spending": N_(
        "Paid less refunded of completed orders; growth against the period of the same length before; the "
        "contribution is buyers times repurchase rate times order value."
    ),
    "retention": N_("Who bought in the period, of those who bought in the one before it; the others are lost to it."),
    "shares": N_("Buyers of the period by how many orders they completed in it, and what each group spent."),
    "ladder": N_(
        "Customers with one order more, of those with at least so many, of all time; beside what is usual in "
        "the industry."
    ),
    "tiers": N_(
        "Paid less refunded in the period, by the tier that customers are in today; by customer of the tier, "
        "whether they bought or not."
    ),
    "new-and-returning": N_(
        "Orders of a customer's first day of buying are new, all later ones returning; reviews go by the customer."
    ),
    "service": N_(
        "Tickets opened in the period; medians; in time is an answer within one hour. Who was not answered is"
        " in no median, and not in time."
    ),
    "top-buyers": N_("Of the 25 who spent most in the period, those who had bought before it."),
    "assets": N_(
        "Members as they stand today: how many, how they buy in the period, and what they are predicted to be worth."
    ),
    "stickiness": N_(
        "Buyers of the period: how many were active on two days or more of it, ordered twice or more in it, and have"
        " five orders or more; the index is the mean of what is known of the three."
    ),
    "losses": N_(
        "Who bought in the period before and not in this one, times net of a buyer of the period before, times the"
        " share that is profit. What it costs to win or to keep one the shop says itself, through the API."
    ),
    "ways": N_(
        "Completed orders of the period by how the customer came to the shop, of those of which it is told; how many"
        " visits became orders is not told by way."
    ),
    "expansion": N_(
        "Customers who had bought before the period and bought goods of a known category in it: how many took up one"
        " that is new to them, or goods marked new."
    ),
    "seasons": N_(
        "Units of goods in completed orders of the period by category and quarter of the year; what the whole industry"
        " looks for is not known here."
    ),
    "age-bands": N_(
        "Customers by five years of birth, where their birthday is known, and what they bought in the period; the"
        " three categories of most units."
    ),
    "rhythm": N_("Completed orders of the period by the weekday on which they were placed, in the shop's zone."),
    "profiles": N_("Customers whose profile says it, of those whose profile says anything of it; all time."),
}
CUSTOMER_COSTS = N_(
    "What offers took off, points when they are spent, cash rewards and surprises. Won: offers to new customers, for a "
    "first purchase or for friends, and rewards of referrals, by new member; kept: all else, by member from before. "
    "Tier prices, free shipping, gifts and advertising are not counted."
)
"""Of membership, which keeps what offers, points and rewards cost (ANA-024)."""
REFERRED = N_(
    "Customers whose first completed order is in the period and whom another customer brought, as far as membership "
    "found the referral true."
)
"""Of reports alone (ANA-009)."""
