"""Chinese texts of the people of a shop and the agreement of confidentiality."""

from __future__ import annotations

PEOPLE = {
    "A new password": "新密码",
    "At least {least} characters; several words are best.": "至少 {least} 个字符；最好由几个词组成。",
    "For who lost the password or the second factor. Be sure that it is this very person who asks.": (
        "供遗失密码或第二重验证的人使用。请确认提出请求的确是本人。"
    ),
    "Give this link to the person: by it they choose a new password within an hour, and the second factor is taken off. It is shown once and counts once; another one ends it.": "请将此链接交给对方：对方可在一小时内用它设置新密码，第二重验证随之移除。链接只显示一次，仅可使用一次；生成新链接后旧链接失效。",
    "It was used, is older than an hour, or another one was made since. An owner of your shop makes a new one on the page People; for the only owner whoever runs the console does:": "链接已被使用、已超过一小时，或之后又生成了新链接。店铺的店主可在“人员”页面生成新链接；唯一的店主请联系控制台的管理人员：",
    "Keep this password": "使用此密码",
    "Make a link for a new password": "生成设置新密码的链接",
    "An owner of this shop has signed you out of it. Sign out and in again to see it; your other shops stay open meanwhile.": "本店店主已将您从本店登出。请退出后重新登录以查看本店；您的其他店铺仍可使用。",
    "Other shops of this person stay open.": "此人的其他店铺不受影响。",
    "Sign in anew": "重新登录",
    "Sign out of this shop everywhere": "在所有设备上登出本店",
    "The old password and the second factor count no more, and all sessions end.": "旧密码和第二重验证不再有效，所有会话随即结束。",
    "They see shops that you do not own: who owns all of them makes the link, or who runs the console by `regulars recover`.": "此人还可查看不属于您的店铺：须由拥有其全部店铺的店主生成链接，或由控制台的管理人员通过命令 `regulars recover` 生成。",
    "They sign in by an identity provider: a password is recovered there.": "此人通过身份提供方登录：请在那里找回密码。",
    "Your new password counts. Set up codes by an app again: a password alone opens your account now.": "新密码已生效。请重新设置应用验证码：目前仅凭密码即可打开您的账户。",
    "Your own password is changed on your account's page; a lost second factor another owner takes off.": "您自己的密码请在账户页面更改；遗失的第二重验证由另一位店主移除。",
    "owner": "店主",
    "marketer": "营销人员",
    "agent": "客服",
    "operator": "运维人员",
    "viewer": "查看者",
    "A shop keeps one owner at least: make somebody else an owner first.": "店铺至少需有一位店主：请先将他人设为店主。",
    "Agree": "同意",
    "At least {least} characters; every other session ends.": "至少 {least} 个字符；其他会话将全部结束。",
    "An identity provider gives the roles at each sign-in: change them there.": "角色由身份提供方在每次登录时给出：请在那里更改。",
    "An owner has noted a violation: ask to have it handled first.": "店主已记录一次违规：请先申请处理。",
    "Another owner notes what you did: nobody could handle it if you were kept out.": (
        "您的行为应由另一位店主记录：否则您被拒之门外后将无人处理。"
    ),
    "Change the role": "更改角色",
    "Change the password": "更改密码",
    "Confidentiality": "保密",
    "Everybody who may see this shop": "可查看本店的所有人员",
    "From now on this person sees no customer, until it is handled and they agree anew.": (
        "从现在起，此人不能查看任何顾客，直至处理完毕并重新同意。"
    ),
    "Give this link to the person. It is shown once, and counts once, within two days.": (
        "请将此链接交给对方。链接只显示一次，两天内仅可使用一次。"
    ),
    "I use what I see of customers for my work in the shop alone, and tell it to nobody else.": (
        "我看到的顾客信息仅用于本店工作，不向任何人透露。"
    ),
    "Invite somebody": "邀请人员",
    "It is handled": "已处理",
    "It was handled before.": "此前已处理。",
    "Links that nobody has used yet": "尚未使用的链接",
    "Make a link": "生成链接",
    "New password": "新密码",
    "Nothing was noted.": "没有记录。",
    "Note a violation": "记录违规",
    "Old password": "旧密码",
    "People": "人员",
    "Remove": "移除",
    "Remove from this shop": "从本店移除",
    "Remove this person: the role in this shop ends, and with the last role all sessions": "移除此人：本店角色随即终止；若为最后一个角色，所有会话一并终止",
    "Role": "角色",
    "Say in a few words what came of it.": "请简要说明处理结果。",
    "Say in a few words what happened.": "请简要说明发生了什么。",
    "Signed in last": "上次登录",
    "Take back": "收回",
    "Take back the link for {role}": "收回 {role} 的链接",
    "The old password is wrong.": "旧密码不正确。",
    "Tick the box to agree.": "请勾选以表示同意。",
    "Tick the box to remove somebody.": "请勾选以确认移除。",
    "Violations of confidentiality": "违反保密的记录",
    "What came of it": "处理结果",
    "What happened": "发生了什么",
    "You see who customers are, what they bought and what they wrote. Before you do, agree to keep it to yourself.": (
        "您将看到顾客的身份、购买记录和留言。在此之前，请同意予以保密。"
    ),
    "agreed {time}": "已于 {time} 同意",
    "handled {time} by {person}": "{person} 于 {time} 处理",
    "not agreed yet": "尚未同意",
    "noted {time} by {person}": "{person} 于 {time} 记录",
    "violated": "已违反",
}
