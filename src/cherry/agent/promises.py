"""Sees that an answer ends by announcing an action instead of doing it: `Let me run the tests.`

Precision first: a report, a question, an offer or a condition never counts, and in doubt an answer is a last word. Pure.
"""

import re

from cherry.agent.phrases import Phrases

_LONGEST = 600
"""Characters of the end that are looked at."""
# Patterns are kept as texts: the few that a text needs are compiled when it needs them.
_SENTENCE_END = r"(?<=[.!?。!?…])[\"')*_]*\s+|(?<=[。!?])|\n+"
_COMMANDS = r"\n[ \t]*(`{3,}|~{3,})(?:bash|sh|shell|console|zsh|terminal)?[ \t]*\n(?:(?!\1)[^\n]*\n){1,12}[ \t]*\1\s*\Z"
"""A fence of commands at the very end: what the promise is about."""
_DECORATION = r"^(?:[-*+>]\s+|\d+[.)]\s+|#{1,6}\s+|[*_(\[]+|[^\w\s(`\"'“‘«]+\s+)+"
_QUOTED = r"(?i)(?:^|[\s:])[`\"'“‘«](?:I|let)\b"
"""Somebody's words, not the model's own."""

_ADVERB = (
    r"now first next then also just quickly start\s+by begin\s+by continue\s+by proceed\s+to go\s+ahead\s+and try\s+to "
    r"immediately actually briefly carefully therefore again finally"
)
_ACT = (
    "add adjust analy[sz]e apply build change check(?:\\s+out)? clean\\s+up commit complete convert correct create debug delete dig edit "
    "examine execute explore extend extract figure\\s+out find\\s+out find fix grep handle implement improve insert inspect install "
    "integrate introduce investigate list\\s+the locate look make(?!\\s+sure) mend migrate modify move open patch perform proceed put "
    "query re-?read re-?run read refactor remove rename reorgani[sz]e repair replace reproduce resolve restore restructure retry revert "
    "review rewrite run scan search simplify sort\\s+out split test tidy trace try update upgrade validate verify view wire write "
    "(?:continue|start|begin)\\s+(?:with|by\\s+\\w+ing) get\\s+started take\\s+a(?:nother)?(?:\\s+\\w+)?\\s+look "
    "do\\s+(?:this|that|it|so)\\s+now"
)
_PROMISE = Phrases(
    r"(?:^|[,;:—–] ?|\b(?:so|and|then|now|but|next|first|here) )(?:I['’]ll|I will|I['’]m going to|I am going to) (?:{adverb} )*{act}\b",
    r"(?:^|[,;:—–] ?|\b(?:so|and|then|now|but|next|first) )(?:let me|let['’]s) (?:{adverb} )*(?:{act}|see (?:the|what|how|if|where))\b",
    r"^(?:now,? |next,? |first,? |so )*(?:I|we) (?:now |first |still |also )?(?:need|have) to (?:{adverb} )*{act}\b[^.]*(?::|\.\.\.|…)$",
    r"^(?:now |next,? |first,? |ok(?:ay)?,? )*{doing}\b[^.]*(?:\.\.\.|…|:|\bnow\.?)$",
    r"^(?:nun |jetzt |dann |zuerst )?(?:ich werde|werde ich) (?:jetzt|nun|zuerst|zunächst|als nächstes|gleich|die|den|das|dazu)\b",
    r"^(?:lass|lassen sie) mich (?:jetzt|nun|zuerst|zunächst|mal|kurz|die|den|das)\b",
    r"^(?:maintenant,? |ensuite,? )?je vais (?:maintenant |d'abord )?(?:lire|ajouter|corriger|modifier|créer|lancer|vérifier|chercher)\b",
    r"^(?:ahora |primero )?voy a (?:leer|añadir|corregir|modificar|crear|ejecutar|revisar|buscar|comprobar|editar)\b",
    r"^(?:现在|接下来|首先)?(?:我[现在将来先会]+|让我先?).{0,4}(?:检查|查看|运行|修改|修复|添加|读取|创建|看看|搜索)",
    adverb=_ADVERB,
    act=_ACT,
    doing="running checking reading updating creating editing applying fixing searching looking opening implementing adding writing "
    "inspecting examining starting",
)
_NOT_NOW = Phrases(
    r"\b(?:if|once|unless|until|when|whenever|after|as soon as|should) (?:{something}|this|that|it|the|I)\b",
    r"\b(?:let me know|tell me|feel free|just say|say so)\b|\byour (?:ok|okay|approval|answer|reply|choice|decision|confirmation|input)\b",
    r"\b(?:would|could|might|may|can|cannot|can't|not|never|no longer|without|instead of)\b|n['’]t\b",
    r"\b(?:later|next time|in (?:the )?future|from now on|from here on|going forward|follow-?up|tomorrow|afterwards|any ?time)\b",
    r"\byou (?:can|could|should|may|might|will|need)\b|\byou['’]ll\b|\bfor you to\b|\bup to you\b",
    r"\b(?:wenn|falls|sobald|nicht|kann|könnte|würde)\b|\b(?:si vous|si tu|pas|peux|pouvez)\b|\b(?:si quieres|si desea|puedo)\b",
    r"如果|可以|需要",
    something="you needed necessary required desired anything there",
)
_OPENING = (
    r"(?i)^(?:(?:ok(?:ay)?|alright|all right|right|great|good|perfect|sure|certainly|of course|understood|got it|thanks|yes|excellent|"
    r"interesting|hmm|with that|as a (?:first|next) step|based on that|(?:in order )?to [^,]{1,60}|before [^,]{1,60}|"
    r"(?:since|because|based on|given) [^,]{1,80})[,.!:;—–-]*\s+)+"
)


_HINTS = (
    *(
        "i'll",
        "i’ll",
        "i will",
        "i'm going",
        "i’m going",
        "i am going",
        "let me",
        "let's",
        "let’s",
        "need to",
        "have to",
    ),
    *("...", "…", ":", "now", "werde", "mich", "je vais", "voy a", "我", "让"),
)
"""One of these stands in every announcement: most last sentences are judged by that alone."""


def announces_action(text: str) -> bool:
    """Whether the last sentence says what the model is about to do."""
    end = text[-_LONGEST:].rstrip()
    if end.endswith(("```", "~~~")):
        end = re.sub(_COMMANDS, "", end)
    parts = [part for part in re.split(_SENTENCE_END, end.rstrip("*_`\"' \t\n👍🚀🔧✅😊")) if part and part.strip()]
    last = parts[-1].strip() if parts else ""
    if len(last) > _LONGEST // 2 or not any(hint in last.lower() for hint in _HINTS):
        return False
    sentence = re.sub(_DECORATION, "", last)
    if sentence.endswith(("?", "?")) or re.search(_QUOTED, sentence):
        return False
    return _PROMISE.stand_in(re.sub(_OPENING, "", sentence)) and not _NOT_NOW.stand_in(sentence)
