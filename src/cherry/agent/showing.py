"""Tells an action written into an answer from one that is only shown: an example, a suggestion, a report of what was done.

Judged by the words around it alone, in this order (why so: docs/decisions/0014):

    put forward     the answer asks whether it should be done, or says that it was not
    placeholder     it is of a file that stands for any file (`path/to/app.py`)
    lead            the last sentence before it (or the heading above) calls it an example, a possibility, the user's own doing;
                    for a diff also something that happened, for a whole file also what is there now
    nothing         it is meant

Pure. The rules are English; of other languages only the words for "example" are known.
"""

import re

from cherry.agent.phrases import Phrases

_LONGEST = 2_000
"""Characters beside an action that are looked at."""
_CONNECTIVE_WORDS = 6

# Kept as texts and compiled when a text needs them.
_SENTENCE_END = r"(?<=[.!?。!?])[\"')*_]*\s+|\n\s*\n|\n(?=\s*(?:[-*+]|\d+[.)]|#{1,6})\s)"
_HEADING = r"^\s*(?:#{1,6}\s+(?P<marked>.+?)#*|\*\*(?P<bold>[^*]+)\*\*:?)\s*$"

_THINGS = "changes? patch(?:es)? edits? diffs? fix(?:es)? updates? modifications? commands? calls?"
_DO = "apply make do run write implement commit use perform execute save"
_IT = r"(?:this|these|it|that|them|those|(?:the|this|these|that|those)(?: (?:above|proposed|suggested|following|whole))? {things})\b"
_GO = rf"(?:go ahead|proceed|(?:actually |now )?{{do}} {_IT})"

_ASKS = Phrases(
    rf"\b(?:shall|should|may|can|could) I (?:now )?{_GO}[^.!?]*\?",
    rf"\b(?:do you want|would you like|want|like) me to {_GO}[^.!?]*\?",
    rf"\bif you(?:'d| would)? (?:like|want|prefer)(?: me to|,? I (?:can|could|will)|,? I'll) {_GO}",
    rf"\b(?:let me know|tell me)\b[^.!?]*\b(?:{_GO}|(?:before|if|whether) I (?:should )?{{do}})",
    r"\bsay the word\b|\b(?:once|if|when|after) you (?:approve|confirm|agree)\b|\bwith your (?:ok|okay|approval|go-ahead)\b",
    r"\b(?:ok|okay|ready) to (?:apply|proceed|go ahead)\b[^.!?]*\?",
    r"\b(?:does|do|would|is|are) (?:this|that|these|it) (?:look|sound|seem|work|make sense|ok|okay|fine|good|alright)\b[^.!?]*\?",
    r"\b(?:confirm|approve)\b[^.!?]*\b(?:before|and I|so I|so that I|if|whether)\b",
    things=_THINGS,
    do=_DO,
)
_NOT_DONE = Phrases(
    r"\bI(?: have|'ve| did| do)?(?:n't| not) (?:yet )?{done}\b",
    r"\b(?:is|are|was|were|has been|have been)(?:n't| not) (?:yet )?(?:been )?(?:applied|made|written|meant to be)\b",
    r"\bnothing (?:has been|was|is) (?:changed|applied|written|run)\b",
    rf"\b(?:do not|don't|never|without) (?:apply|run|commit|execut|us)(?:ing|e)? {_IT}",
    r"\b(?:this|that|it|these|those|the \w+)(?: is| are|'s) (?:only|just|merely|purely) (?:an? |for |meant )?(?:\w+ )?{shown}\b",
    rf"\b(?:you can|you could|you may|feel free to) (?:then )?(?:apply|run|use|copy|save|paste) {_IT}",
    r"\b(?:apply|save|copy|paste|run) (?:it|this|them) (?:with|using|via|yourself|by hand|manually|as|into|from)\b",
    things=_THINGS,
    done="apply applied change changed touch touched make made write written run edit edited",
    shown="examples? sketch illustrations? suggestions? proposals? idea draft demonstration template reference",
)
_EXAMPLE = Phrases(
    r"\b(?:for|as) (?:an? )?(?:example|instance|illustration|reference|comparison)\b|\be\. ?g\.|\be\.g\.",
    r"\b(?:here is|here are|here's|this is|these are|consider|take) (?:an?|some|one|another|the) (?:\w+ )?{shown}\b",
    r"(?<!add\x20)(?<!write\x20)(?<!this\x20)\b(?:an?|one|another) (?:\w+ )?example (?:of|that|how|where|{form})\b",
    r"^\W*(?:\w+ )?(?:{shown}|usage|syntax|format)\W*(?:\d+\W*)?$",
    r"^\W*(?:\w+ )?(?:examples?|usage|syntax|format) (?:of|for|response|request|output|input|{form})\b",
    r"\bhypothetical|\bpseudo-?(?:code|diff|patch)\b|\billustrat|\bfor the sake of\b|^\W*(?:imagine|suppose|consider|assume)\b",
    r"\b(?:would|could|might|may|typically|usually|generally|always|often)(?: then| also| typically)? (?:looks?|be written|read)\b",
    r"\b{form} (?:\w+ )?(?:looks?|works?|is written|are written)(?: something| roughly)? (?:like|as follows|so)\b",
    r"\b(?:something|things|{form}) (?:like|such as)(?: this| that| the following)?\s*:",
    r"\b(?:the|this|that|its|their)(?: [\w/-]+)? (?:format|syntax|notation|structure|grammar|protocol) (?:is|for|of|looks|uses|expects)\b",
    r"\bBeispiel|\bz\. ?B\.|\bpar exemple\b|\bexemple\b|\bejemplo\b|\besempio\b|\bexemplo\b|\bvoorbeeld|\bпример|例如|示例|比如|例えば",
    shown="examples? samples? illustrations? sketch(?:es)? templates?",
    form="formats? syntax blocks? calls? patch(?:es)? diffs? edits? messages? requests? responses? payloads? objects?",
)
_POSSIBLE = Phrases(
    r"\b(?:you|one|we|they|someone|users?)(?: could| can| might| may| would|'d)\b",
    r"\b(?:could|might|would) (?:be|also be|help|work|fix|solve|do|suffice|look)\b|\bif (?:you|we|they|one)\b",
    r"\b(?:an?|another|one|other) (?:\w+ )?(?:alternative|option|possibility|approach|way|idea|suggestion|variant)\b",
    r"^\W*(?:alternatively|alternative|option \w+|suggestions?|proposal|idea|optional(?:ly)?)\b",
    r"\bI(?:'d| would) \w+|\bmy (?:suggestion|proposal|recommendation|idea)\b|\b(?:a|the|one) (?:possible|potential|suggested|proposed)\b",
    r"\b(?:suggest|recommend|propose)(?:s|ed|ion|al)?\b|\b(?:my|the|this) plan\b|^\W*(?:the )?plan\W*$",
)
_ORDERS = Phrases(
    r"^\W*(?:please )?(?:change|replace|update|add|remove|rewrite|use|apply|modify|edit|correct|insert|delete)\b"
)
_TO_YOU = Phrases(r"\byou(?:'ll)? (?:should|need to|have to|must|will need to|will have to|want to)\b")
_COMMITS = Phrases(
    r"\b(?:I(?:'ll| will|'m| am|'ve| have)?|let me|let's|we'll) (?:{adverb} )*{act}\w*",
    adverb=r"now then also first next just therefore so going\s+to go\s+ahead\s+and instead",
    act="add appl chang creat correct delet drop edit extend extract fix implement improv insert introduc mak mend modif mov patch put "
    "read refactor remov renam replac rewrit run search simplif split switch tighten updat us wrap writ look check start list begin do",
)
_PAST = (
    "added applied changed corrected created deleted did edited extended fixed made modified moved removed renamed replaced rewrote "
    "updated wrote committed"
)
_DID = Phrases(
    r"\b(?:I|we)(?:'ve| have|'d| had)?(?: already| just| also| only)* {past}\b", r"\bwhat (?:I )?changed\b", past=_PAST
)
_HAPPENED = Phrases(
    r"\b(?:was|were|has been|have been|had been|got|is now|are now) (?:\w+ )?(?:{past}|introduced|broken|merged|reverted|staged)\b",
    r"\b(?:the|this|that|last|previous|earlier|first|your|his|her|their|upstream) (?:\w+ )?(?:commit|PR|pull request|merge|release)\b",
    r"\bcommit `?[0-9a-f]{6,40}\b|\bgit (?:diff|show|log|stash|blame)\b|\b(?:pull request|PR) #?\d+",
    r"\bwhat (?:it|that|this|he|she|they|has|was) \w+\b",
    r"\b(?:introduced|caused|broke|reverted|regress\w+|happened|shows?|showed|displays?|output|printed|returned)\b",
    r"\b(?:summary|overview|recap)\b|\b(?:already|previously|earlier|yesterday|ago)\b",
    r"\b(?:changes|edits|modifications) (?:so far|made|done|applied|above|in (?:this|the) \w+)\b",
    r"\b(?:final|resulting|complete|full|whole|total|current|net|overall|uncommitted|staged|unstaged) (?:\w+ )?(?:diff|patch|changes?)\b",
    r"^\W*(?:the )?(?:diff(?:erence)?s?|changes)\W*$",
    past=_PAST,
)
_MENDS = Phrases(r"\b(?:fix|patch|solution|correction|mend|repair)(?:es|s)?\b[^.]{0,40}$")
_THERE_NOW = Phrases(
    r"\b(?:currently|existing|right now|at the moment|as it is|as is|today|old|before|previous(?:ly)?|original(?:ly)?)\b",
    r"\b(?:contains?|contained|reads?|holds?|has|had|have|shows?|defines?|is defined|lives?|from|in your|your)\b",
    r"\b(?:problem|bug|issue|culprit|relevant|offending|following)(?: \w+)? (?:part|code|lines?|section|function|snippet|is)\b",
)
_PLACEHOLDER = Phrases(
    r"(?:^|/)(?:path/to|some/path|your[-_/]|my[-_]?file\b|foo/bar\b|example/path|<|\{|\[)",
    r"^(?:file|filename|path|your_file)\.\w+$",
)
_CONNECTIVE = Phrases(r"^\W*(?:and|or|then|plus|also|as well as|followed by|next|after that|und|et|y|e)\b")


def only_put_forward(before: str, after: str) -> bool:
    """Whether the words around all actions of an answer say that they shall not be done now: the user is asked first, or told that
    nothing is done. `before`: up to the first of them, `after`: behind the last."""
    around = (_last_sentence(before), after[-_LONGEST:])
    return any(_ASKS.stand_in(text) or _NOT_DONE.stand_in(text) for text in around)


def is_placeholder(path: str) -> bool:
    return _PLACEHOLDER.stand_in(path)


def leads_to_shown(lead: str, *, native: bool, diff: bool = False, content: bool = False) -> bool:
    """Whether what follows these words is only shown.

    `native`: the model has calls to act with, so what it says it did it did with them, and what it tells the user to do is left to
    the user. `diff`: it may report what happened. `content`: it is code of a file, which may as well be what is there now.
    """
    sentence, heading = _last_sentence(lead), _heading_above(lead)
    commits = _COMMITS.stand_in(sentence)
    if _EXAMPLE.stand_in(sentence) or _EXAMPLE.stand_in(heading):
        return True
    if _POSSIBLE.stand_in(sentence) and not commits:
        return True
    if diff and _is_report(sentence, heading, native=native):
        return True
    if native and diff and _ORDERS.stand_in(sentence):
        return True
    if content and _THERE_NOW.stand_in(sentence) and not commits:
        return True
    return native and _TO_YOU.stand_in(sentence)


def only_connects(lead: str) -> bool:
    """Whether these words between two actions say nothing about the second: none, or `and then:`."""
    words = lead.split()
    return not words or (len(words) <= _CONNECTIVE_WORDS and _CONNECTIVE.stand_in(lead))


def _is_report(sentence: str, heading: str, *, native: bool) -> bool:
    if native and (_DID.stand_in(sentence) or _DID.stand_in(heading)):
        return True
    return (_HAPPENED.stand_in(sentence) or _HAPPENED.stand_in(heading)) and not _MENDS.stand_in(sentence)


def _last_sentence(text: str) -> str:
    """Also the sentence before a line that is only a name."""
    parts = [part.strip() for part in re.split(_SENTENCE_END, text[-_LONGEST:]) if part and part.strip(" \t\n`~")]
    while len(parts) > 1 and not re.match(_HEADING, parts[-1]) and " " not in parts[-1].strip("*`#: "):
        parts.pop()
    return parts[-1] if parts else ""


def _heading_above(text: str) -> str:
    for line in reversed(text[-_LONGEST:].splitlines()):
        if found := re.match(_HEADING, line):
            return (found["marked"] or found["bold"] or "").strip()
    return ""
