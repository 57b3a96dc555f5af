"""What customers write by chat, mail or in a community, handed in by the shop: it lands on the desk (FBK-001)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.feedback import MOST_PHOTOS, TicketKind, check_photo
from common.events.fields import MAX_PERSONAL, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require, runtime_of
from feedback.commands.messages import Message, take_message

router = Router(prefix="/v1/shops/{shop}/messages", tags=["messages of customers"])
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Photo = Annotated[str, AfterValidator(check_photo), Field(max_length=MAX_PERSONAL)]


class CustomerMessageIn(Body):
    """Something that a customer wrote; `message_id` is the channel's own and makes a repetition harmless.

    `source`: the channel, such as `chat`, `email`, `community`; message 1 by mail is another than message 1 by chat.
    Where each room of a channel counts by itself, put the room into the id.
    `order_id`: what it is about, where that is known. `kind`: what the customer chose, where they were asked: another
    kind than that of the open ticket opens one of its own.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message_id": "ww-20250301-17",
                    "customer": "ann",
                    "source": "chat",
                    "text": "The box was open when it came.",
                    "order_id": "1001",
                }
            ]
        }
    )
    message_id: Annotated[Identifier, Field(max_length=100)]
    customer: Identifier
    source: Annotated[Text, Field(min_length=1)]
    text: Words | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=MOST_PHOTOS)] = ()
    order_id: Identifier | None = None
    kind: TicketKind | None = None

    @model_validator(mode="after")
    def _something(self) -> CustomerMessageIn:
        if self.text is None and not self.photos:
            raise ValueError("give `text`, `photos` or both")
        return self


class CustomerMessageOut(BaseModel):
    """`ticket_id`: where it stands; `became`: it opened that ticket, or was added to it, which was open.

    `auto_answer`: what the customer is to be answered at once: thanks for a suggestion, or that nobody is there out of
    the shop's service hours; null: nothing.
    """

    ticket_id: str
    became: Literal["opened", "added"]
    auto_answer: str | None


@router.post("", status_code=201, dependencies=[require("feedback:write")])
async def post_customer_message(
    shop: ShopName, body: CustomerMessageIn, request: Request, response: Response, tx: Tx
) -> CustomerMessageOut:
    """Take a message: it is added to the customer's open ticket, else opens one, a complaint where it speaks ill.

    201 when it is new, 200 when the very same was taken before. Texts are read for topics and sentiment as all are.
    """
    message = Message(body.message_id, body.source, body.text, body.photos, body.order_id, body.kind)
    taken = await take_message(tx, runtime_of(request).keys, (shop, body.customer), message, hears=True)
    response.status_code = 201 if taken.new else 200
    return CustomerMessageOut(ticket_id=taken.ticket_id, became=taken.became, auto_answer=taken.answer)
