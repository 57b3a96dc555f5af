"""How each key figure is counted, in words; by the route of segmentation that answers it."""

from __future__ import annotations

from console.texts import N_

KINDS = {
    "repurchase": N_(
        "Customers who had bought before the period or twice in it, of all who bought in it; and members who "
        "bought twice, of all members."
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
    "rhythm": N_("Completed orders of the period by the weekday on which they were placed, in the shop's zone."),
    "profiles": N_("Customers whose profile says it, of those whose profile says anything of it; all time."),
}
