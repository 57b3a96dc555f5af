"""What somebody wrote in an answer, without the mail that was answered and without the signature."""

from __future__ import annotations

import re

_MOST_LINES = 5_000
_BELOW = re.compile(
    r"""\s*(?:
        -{2,}\s*(?:original\ (?:message|appointment)|forwarded\ message|ursprüngliche\ nachricht|message\ d'origine
            |mensaje\ original|原始邮件|原始郵件|原邮件|转发邮件|回复的原邮件|回覆的原郵件)\s*-*
        | _{10,}
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line below which stands the mail that was answered."""
_DEVICE = r"(?:phone|pad|mobile|handy|android|galaxy|samsung|pixel|huawei|xiaomi|tablet|device)"
_SIGNATURE = re.compile(
    rf"""\s*(?:
        (?:get\ outlook\ for|sent\ from\ (?:mail|outlook|yahoo|proton))\b.*
        | sent\ from\ my\ .{{0,20}}{_DEVICE}\b.*
        | von\ meine[mr]\ .{{0,20}}{_DEVICE}\b.{{0,20}}\ gesendet\.?
        | (?:gesendet|envoyé|enviado|inviato|verstuurd|verzonden|skickat|sendt|wysłane|odesláno|отправлено)\b
            .{{1,30}}{_DEVICE}\b.{{0,20}}
        | .{{0,12}}{_DEVICE}.{{0,6}}(?:から送信|에서\ 보냄)
        | (?:发自我的|發自我的|从我的|從我的|来自我的|來自我的|获取\ ?outlook|發送自).*
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
"""What a telephone or a mail program writes below an answer."""
_ATTRIBUTION = re.compile(
    r"""(?:on\ .{4,300}\bwrote | am\ .{4,300}\bschrieb(?:\ .{1,200})?
        | le\ .{4,300}\ba\ écrit\ ? | el\ .{4,300}\bescribió
        | il\ .{4,300}\bha\ scritto | op\ .{4,300}\bschreef(?:\ .{1,200})? | em\ .{4,300}\bescreveu
        | (?:在|于|於).{4,300}(?:写道|寫道|写到)\ ? )\s*[:：]""",
    re.VERBOSE | re.IGNORECASE,
)
"""The line, or lines, over a quoted mail."""
_ATTRIBUTION_ENDS = re.compile(r".{4,300}(?:写道|寫道)\s*[:：]|.{0,300}<[^<>\s]{1,200}@[^<>\s]{1,200}>.{0,60}[:：]")
"""The same, of which only the end is known: words of the customer's may stand before it."""
_DATED = re.compile(r"@|\d{4}|\d{1,2}:\d\d|\d{1,2}\s?[年月日]|\d{1,2}[./-]\d{1,2}")
"""An address or a date, which every mail program writes there, and a customer seldom."""
_FROM = re.compile(r"\s*\**(?:from|von|de|发件人|發件人|寄件者|寄件人)\**\s*[:：]", re.IGNORECASE)
_FURTHER = re.compile(
    r"\s*\**(?:sent|date|to|subject|cc|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto"
    r"|发送时间|發送時間|日期|收件人|收件者|主题|主題|主旨|时间)\**\s*[:：]",
    re.IGNORECASE,
)
_SPREAD = 3
"""Lines over which mail programs break an attribution."""
_BROKEN = 50
"""Characters from which on they break a line."""


def answer_in(text: str) -> str:
    """The answer alone, '' where there is none; answers between quoted lines, or below them, stay. Never raises."""
    return _read(text, to_the_end=False)


def unquoted_in(text: str) -> str:
    """All that is not marked as quoted, and is no signature: for texts of which `answer_in` finds nothing. What looks
    like the mail that was answered may be the customer's own words, or have them below it. Never raises."""
    return _read(text, to_the_end=True)


def _read(text: str, *, to_the_end: bool) -> str:
    written = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_MOST_LINES]
    lines = [line.rstrip() for line in written]
    kept: list[str] = []
    n = 0
    while n < len(lines):
        line = lines[n]
        # Without its space, the mark of a signature is a line that somebody drew.
        if written[n] == "-- " or _SIGNATURE.fullmatch(line[:400]):
            break
        if not to_the_end and (_BELOW.fullmatch(line[:400]) or _heads_of_a_mail(lines, n)):
            break
        if line.lstrip().startswith((">", "＞")):
            n += 1
            continue
        spread = _attribution(lines, n)
        if spread and _quotes(lines, n + spread):
            n += spread
            continue
        if spread and not to_the_end:
            break  # the mail below is not marked as quoted
        kept.append(line)
        n += 1
    return "\n".join(kept).strip()


def _attribution(lines: list[str], n: int) -> int:
    """Over how many lines from here an attribution goes; 0 where none begins.

    Without a date or an address it is one where quoted lines follow: "On Monday I wrote:" is the customer's.
    """
    if not lines[n].strip():
        return 0
    for spread in range(1, _SPREAD + 1):
        part = [line.strip() for line in lines[n : n + spread]]
        if len(part) < spread or not part[-1]:
            return 0
        if part[-1].endswith((":", "：")) and _attributes(part, quotes=_quotes(lines, n + spread)):
            return spread
    return 0


def _attributes(part: list[str], *, quotes: bool) -> bool:
    """Whether these lines are an attribution, all of them: the first may be the customer's last words."""
    whole = " ".join(part)[:700]
    if not (quotes or _DATED.search(whole)):
        return False
    if _ATTRIBUTION.fullmatch(whole):
        return not any(_ATTRIBUTION.fullmatch(" ".join(part[k:])[:700]) for k in range(1, len(part)))
    if any(len(line) < _BROKEN or not _DATED.search(line) for line in part[:-1]):
        return False
    return _ATTRIBUTION_ENDS.fullmatch(whole) is not None and (quotes or "写道" in whole or "寫道" in whole)


def _quotes(lines: list[str], n: int) -> bool:
    """Whether the next line that says something is marked as quoted."""
    following = next((line for line in lines[n : n + 5] if line.strip()), "")
    return following.lstrip().startswith((">", "＞"))


def _heads_of_a_mail(lines: list[str], n: int) -> bool:
    """Whether the headers of the mail that was answered begin here: who it is from, and at once others, with an address
    or a date."""
    if not _FROM.match(lines[n][:100]):
        return False
    heads = [line[:100] for line in lines[n + 1 : n + 6] if _FURTHER.match(line[:100])]
    return len(heads) >= 2 and any(_DATED.search(head) for head in (lines[n][:400], *heads))
