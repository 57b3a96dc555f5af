"""Plain words for names of the company, its shifts, special days and channels' costs."""

from __future__ import annotations

from console.texts import N_

COMPANY = {
    "company_shop": N_("this shop"),
    "stage_find": N_("find those who fit, and let them see the shop's worth"),
    "stage_know": N_("judge customers' value and show it"),
    "stage_raise": N_("members rise and contribute"),
    "industry_womens_wear": N_("women's wear"),
    "industry_cosmetics": N_("cosmetics"),
    "industry_mens_shoes": N_("men's shoes"),
    "industry_appliances": N_("appliances"),
    "special_day_holiday": N_("holiday"),
    "special_day_campaign": N_("day of a campaign"),
    "special_day_platform": N_("day of the platform"),
    "special_day_other": N_("other"),
    "channel_of_email": N_("e-mail"),
    "channel_of_sms": N_("SMS"),
    "channel_of_chat": N_("chat"),
    "channel_of_phone": N_("call"),
    "step_looked": N_("looked at the shop"),
    "step_asked": N_("asked in a chat"),
    "step_ordered": N_("ordered"),
    "step_reviewed": N_("wrote a review"),
    "step_again": N_("ordered again"),
    "day_monday": N_("Monday"),
    "day_tuesday": N_("Tuesday"),
    "day_wednesday": N_("Wednesday"),
    "day_thursday": N_("Thursday"),
    "day_friday": N_("Friday"),
    "day_saturday": N_("Saturday"),
    "day_sunday": N_("Sunday"),
}
