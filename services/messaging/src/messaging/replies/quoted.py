"""What somebody wrote in an answer, without the mail that was answered and without the signature."""

from __future__ import annotations

import re

_MOST_LINES = 5_000
_BELOW = re.compile(
    r"""\s*(?:
        -{2,}\s*(?:original\ (?:message|appointment)|forwarded\ message|ursprüngliche\ nachricht|message\ d'origine
            |mensaje\ original|原始邮件|原始郵件|原邮件|转发邮件|回复的原邮件|回覆的原郵件)\s*-*
        | _{10,}
        | (?:get\ outlook\ for|sent\ from\ (?:mail|outlook|yahoo|proton))\b.*
        | sent\ from\ my\ .{0,20}(?:phone|pad|mobile|android|galaxy|samsung|pixel|huawei|xiaomi|tablet|device)\b.*
        | (?:发自我的|發自我的|从我的|從我的|来自我的|來自我的|获取\ ?outlook|發送自).*
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line below which nothing is the answer's."""
_ATTRIBUTION = re.compile(
    r"""(?:on\ .{4,300}\bwrote | am\ .{4,300}\bschrieb(?:\ .{1,200})?
        | le\ .{4,300}\ba\ écrit\ ? | el\ .{4,300}\bescribió
        | (?:在|于|於).{4,300}(?:写道|寫道|写到)\ ? | .{4,300}(?:写道|寫道)\ ? )\s*[:：]""",
    re.VERBOSE | re.IGNORECASE,
)
"""The line, or lines, over a quoted mail."""
_FROM = re.compile(r"\s*\**(?:from|von|de|发件人|發件人|寄件者|寄件人)\**\s*[:：]", re.IGNORECASE)
_FURTHER = re.compile(
    r"\s*\**(?:sent|date|to|subject|cc|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto"
    r"|发送时间|發送時間|日期|收件人|收件者|主题|主題|主旨|时间)\**\s*[:：]",
    re.IGNORECASE,
)
_SPREAD = 3
"""Lines over which mail programs break an attribution."""


def answer_in(text: str) -> str:
    """The answer alone, '' where there is none; answers between quoted lines, or below them, stay. Never raises."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_MOST_LINES]]
    kept: list[str] = []
    n = 0
    while n < len(lines):
        line = lines[n]
        if line == "--" or _BELOW.fullmatch(line[:400]) or _heads_of_a_mail(lines, n):
            break
        if line.lstrip().startswith((">", "＞")):
            n += 1
            continue
        spread = _attribution(lines, n)
        if spread:
            n += spread
            if not _quotes(lines, n):
                break  # the mail below is not marked as quoted
            continue
        kept.append(line)
        n += 1
    return "\n".join(kept).strip()


def _attribution(lines: list[str], n: int) -> int:
    """Over how many lines from here an attribution goes; 0 where none begins."""
    if not lines[n].strip():
        return 0
    for spread in range(1, _SPREAD + 1):
        part = lines[n : n + spread]
        if len(part) < spread or not part[-1].strip():
            return 0
        if part[-1].rstrip().endswith((":", "：")) and _ATTRIBUTION.fullmatch(" ".join(s.strip() for s in part)[:700]):
            return spread
    return 0


def _quotes(lines: list[str], n: int) -> bool:
    """Whether the next line that says something is marked as quoted."""
    following = next((line for line in lines[n : n + 5] if line.strip()), "")
    return following.lstrip().startswith((">", "＞"))


def _heads_of_a_mail(lines: list[str], n: int) -> bool:
    """Whether the headers of the mail that was answered begin here: who it is from, and at once another one."""
    if not _FROM.match(lines[n][:100]):
        return False
    return sum(bool(_FURTHER.match(line[:100])) for line in lines[n + 1 : n + 6]) >= 2
