"""The events that start flows: what the handlers look for flows at, and what a flow may name."""

from __future__ import annotations

from common.events import EventData
from common.events.feedback import (
    ComplaintOpened,
    ComplaintReopened,
    ComplaintResolved,
    LeaveReasonGiven,
    SurveyAnswered,
    SurveyRequested,
)
from common.events.membership import PointsExpiryWarned, TierDropWarned
from common.events.orders import (
    DeliveryPromiseBroken,
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderInTransit,
    OrderLogisticsUpdated,
    OrderPaid,
    OrderPlaced,
    OrderReceiptDue,
    OrderRefunded,
    OrderShipped,
)
from messaging.standings.rules import TYPES as STANDINGS

ORDERS: tuple[type[EventData], ...] = (
    OrderPlaced,
    OrderPaid,
    OrderShipped,
    OrderInTransit,
    OrderDelivered,
    OrderCompleted,
    OrderClosed,
    OrderRefunded,
    OrderLogisticsUpdated,
    OrderReceiptDue,
    DeliveryPromiseBroken,
)
COMPLAINTS: tuple[type[EventData], ...] = (ComplaintOpened, ComplaintResolved, ComplaintReopened)
CONDITIONS: tuple[type[EventData], ...] = (
    *STANDINGS,
    TierDropWarned,
    PointsExpiryWarned,
    SurveyRequested,
    SurveyAnswered,
    LeaveReasonGiven,
)
STARTERS = frozenset(kind.TYPE for kind in (*ORDERS, *COMPLAINTS, *CONDITIONS))
