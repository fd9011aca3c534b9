"""What stands around a number: epochs and steps, flags and commands, section titles, progress bars, throughput.

All patterns marked `low` are matched against lower-case text: that is several times faster than ignoring the case.
Whoever writes an image writes the lines: no two repeats that stand side by side may take the same characters.
"""

from __future__ import annotations

import re
from typing import Final

from bot.results.words import vocabulary

NUMBER: Final = re.compile(
    r"(?<![\w@.\-+])(?<![Tt]op )(?<!IoU[=>])(?<!@\[)(?<!\.5:)(?<!50:)(?<![Rr]ank )"
    r"[-+]?(?:(?:\d{1,3}(?:,\d{3}){1,8}(?![\d,])|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?<![\w.])[-+]?(?:nan|NaN|NAN|inf|Inf|Infinity)(?!\w)"
)
# Both stand between the literal gaps of a known line, which hold them to what NUMBER found there.
GROUP: Final = rb"([-+\d.,eE]+|[-+]?(?:nan|NaN|NAN|inf|Inf|Infinity))"
ANY_NUMBER: Final = rb"(?:[-+\d.,eE]+|[-+]?(?:nan|NaN|NAN|inf|Inf|Infinity))"

METRIC_STEM: Final = re.compile(  # low
    r"acc|los|top|auc|prec|rec|map|\bap|_ap|bleu|rouge|iou|dice|dsc|hr|hit|ndcg|mrr|scor|rew|ret|wer|cer|err|eer|ppl|perp|xent|entropy|nll|cost"
    r"|f1|fb1|\bf[\-_ ]|_f\b|mae|mse|fid|mape|psnr|ssim|pearson|spearm|kendall|kappa|qwk|matth|mcc|r2|r²|r\^2|em\b|exact|correct|cider|meteor"
    r"|spice|te?l:|trl:"
    r"|transl|[prs]@|jacc|area under|win|success|bp[bcd]\b|elbo|l1\b|rank[\-_ ]?\d"
)
STEP_STEM: Final = re.compile(r"ep\b|epoch|step|ite?r|updat|up\.|episod|round|generation|trial|batch|ep\.|\[ *\d|^s:|^ *\d+: ")  # low
RATE_STEM: Final = re.compile(r"/ ?s|per[_ ]?sec|ips|wps|fps|speed|throughput")  # low
SECTION_STEM: Final = re.compile(r"val|test|dev|train|epoch|begin|start|resum")  # low

_COMMAND_STEM: Final = re.compile(  # low
    r"--|namespace|param|argument|config|args|usage|command|collecting|requirement|load|install|using cached|pip |import |from |def |class "
    r"|assert |return |print"
    r"|^\s*[+$>]|\.ckpt|\.pt|\.h5|\.hdf5|\.pkl|\.safetensors|\.keras|\.onnx"
)
_COMMAND: Final = re.compile(  # low
    r"(?:^|\s)--[a-z]"
    r"|\b(?:namespace|hparams|hyper-?parameters|arguments|config|parameters|trainingarguments|params)\s*[:({=]"
    r"|^\s*(?:\+ (?![\w ]+: )|\$ |>>> |usage:|args\b|config\b|command|collecting |requirement already|downloading |installing |successfully installed"
    r"|using cached"
    r"|pip |import |from \w+ import|def |class |assert |return |print\()"
    r"|\b(?:input parameters|hyper-?parameters?)\b"
    r"|^\W*load(?:ing|ed|s)? (?:[\w\-]+ ){0,3}?(?:weights?|checkpoint|state[_ ]dict)\b"
)
_WISH_STEM: Final = re.compile(r"improve|top |paper|expect|should|published|state|at least|at most|stop|until|require|want|previous|must")  # low
_WISH: Final = re.compile(  # low
    r"improved from|did(?: not|n't) improve|was not in top"
    r"|\b(?:paper|expect(?:s|ed)?|should|published|state[- ]of[- ]the[- ]art|at least|at most|stop(?:ping)? (?:when|if|at)|until|required?"
    r"|we want|want to|must|previous (?:model|run|best))\b"
)
_PARTED: Final = re.compile(r"[,;|\t(]| - ")
_TOLD: Final = re.compile(r"[:=]\s?[`'\"]?\d")

_FILE: Final = re.compile(r"\.(?:ckpt|pth?|h5|hdf5|pkl|params|safetensors|keras|onnx)\b")  # low
_DIGIT: Final = re.compile(r"\d")
_SWITCH: Final = re.compile(r"[=:] ?(?:none|true|false|null)\b")
_MANY_SWITCHES: Final = 3
_SENTENCE: Final = 4

_BEFORE: Final = r"(?:^|[^a-z])(?P<of>[a-z]+[_ \-])?"
_BETWEEN: Final = r"[\"']?\s*(?:\((?:train|val|valid|test|eval)\))?[\s.:#=|\[(\"']*$"
EPOCH: Final = re.compile(rf"{_BEFORE}ep(?:och)?(?:_num|_idx|_id|_number)?{_BETWEEN}")  # low
STEP: Final = re.compile(  # low
    rf"{_BEFORE}(?:(?:global|train|micro)[_ ]?step|step|iter(?:ation)?|itr|num_updates|update|up|(?:total_)?timesteps?|episode|round|generation"
    rf"|trial){_BETWEEN}"
)
BATCH: Final = re.compile(r"(?:^|[^a-z])(?:mini-?)?batch[\s.:#=|\[(\"']*$")  # low
STEP_OF_PASS: Final = re.compile(r"(?:^|[\W_])(?:val|valid|validation|eval|test)[_ \-](?:step|iter(?:ation)?)[\s:=\[#]*$")  # low
"""Beside an epoch: the batch of an evaluation."""
NOT_A_STEP: Final = re.compile(  # low
    r"(?:^|[^a-z])(?:num|max|total|n|warm-?up|first|best|of|per|save|log|eval|each|last|every|early|decay|training|evaluation|start|resume"
    r"|initial)[_ \-]$"
)

STRONG: Final = re.compile(r"[;|│┃\t,]| - |(?<=\S) {3,}(?=[^\s=:])|[\])}>](?=\s*[\w'\"])|\. (?=[A-Z])|\bwith\b")
"""What parts one statement of a line from the next."""
SET: Final = re.compile(r"(?:[:=：]|->|→|=>)\s*(?:[\"'`]\s*)?(?:[\w.]+\([\[({\s]*|[\[({][\[({\s]*)?[\"'`]?$")
OVER: Final = re.compile(r"(?<![=\-])[<>≥≤!~]=?\s*$|\+/-\s*$|±\s*$|\b(?:to|than)\s*$")
FLAG: Final = re.compile(r"(?:^|\s)--?[A-Za-z][\w\-]*[= ]*$")
KEY: Final = re.compile(r": ?[-+.]?\d(?!\d*%)")
"""Behind a number: it belongs to the name of the next, as in `AP .75: 0.79`."""
AFTER: Final = re.compile(r"[A-Za-z_](?<!e)|e\w|:[-+.]?\d|: [-+.]?\d(?!\d*%)|\.\d|,\d|-\w|%\||\.\.|%-")
"""Behind a number: it is a time, a version, a size or a bar and no value."""
LISTED: Final = re.compile(r"(?:\s*[,|│]\s*[-+]?\d[\d.]*(?:[eE][-+]?\d+)?(?=[,|│\s\])]|$)){2}")
"""Behind a number: more bare numbers, so that it is one of a list and not the value of the name before it."""
ONE_CLASS: Final = re.compile(r"\b(?<!num )(?<!num_)(?:class|category|label)(?:[_ ]?(?:id|idx|index|no))?[\s:=#(\[]*$")  # low
BEHIND: Final = re.compile(r"^.{0,40}?(?:^|[\s:])-?[\d.]+ [A-Za-z][a-z ]*(?:, -?[\d.]+ [A-Za-z][a-z ]*){2,}(?:,|$)")
"""A line that prints each value before its name: `0.05 avg loss, 0.001 rate, 1.2 seconds`."""
SOURCE_LINE: Final = re.compile(r"\.(?:py|cu|cuh|cc|cpp|cxx|c|h|hpp|go|java|scala|rs|lua|jl|js):\s*$")
"""What follows is the number of a line of code."""
SAID: Final = re.compile(
    r"[\"'](?:text|content|prompt|response|completion|output|generated_text|generation|answer|prediction|question|instruction|input|query)[\"']"
    r": ?(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
)
"""What a model was told or has said, which may speak of anything."""
EXAMPLE_FILES: Final = "jpe?g|png|bmp|tiff?|gif|webp|wav|flac|ogg|mp3|mp4|avi|npy|npz|dcm|nii"
EXAMPLE_FILE: Final = re.compile(rf"(?<![\w./\-])[\w./\-]*\.(?i:{EXAMPLE_FILES})\b")
"""An image, a recording: what is told of it is told of a single example."""
TORCH7: Final = re.compile(  # low
    r"^\s*\|? ?(?:epoch|test): \[\d+\]\[\d+/\d+\]\s+time [\d.]+\s+data [\d.]+\s+(?:err [\d.]+\s+)?top1 |^\s*\*? ?finished epoch # \d+\s+top1:"
)
"""Torch 7 calls the error of the first guess top1."""
ESTIMATED: Final = "saving dict for global step"
"""TensorFlow's estimators print the result of an evaluation so."""
BEST_OF: Final = re.compile(r"^\W*best[\w ]*,")  # low
SAVED: Final = re.compile(r"\bsav(?:ed|ing) (?:\w+ ){0,3}(?:to|as|at|in)\b|\bsave path\b")  # low
"""What follows is the name of a file."""
TITLE: Final = re.compile(r"\d\s*:\s*$")
CELL_END: Final = re.compile(r"[│┃|,\t]\W*$")
LETTER: Final = re.compile(r"[A-Za-z]")
RATIO: Final = re.compile(r"\s?/\s?")
RUNNING: Final = re.compile(r"\s+\(\s*")
PERCENT: Final = re.compile(r"\s?%")
PERCENT_NAME: Final = re.compile(r"%|\bpercent|\bpct")

BAR: Final = re.compile(r"\d/\d+ (?:\[[=>.\-# ]+\]|━|-\s)|\d%\||\[[=>#.\- ]{5,}\]|^\s*step \d+/\d+ - ")
LEARNING_RATE: Final = re.compile(r"(?:^|[^a-z])(?:lr|learning[_ ]rate|grad_?norm|gnorm|grad norm)(?:[^a-z]|$)")  # low

EXAMPLES: Final = re.compile(r"^(?:best|median|worst) (?:wer|cer)\W*$")  # low
"""The title of some examples and their scores."""
HEADER: Final = re.compile(  # low, with one blank for all that is no word
    r"^ ?(?:[\w\-]+ ){0,3}?(?:(?:running|start(?:ing|ed)?|begin(?:ning)?|do|run|perform(?:ing)?|now|final|results?|on|for|the|of) )?"
    r"(evaluat\w*|validat\w*|testing|test|eval|val|dev|valid)\b"
)
BETWEEN_WORDS: Final = re.compile(r"(?:[^\w\-]|(?<!\w)-+|-+(?!\w))+")
RESET: Final = re.compile(  # low
    r"\b(?:begin\w*|start\w*|resum\w*|running)\b.*\b(?:epoch|train\w*)|^\W*train(?:ing)?\b|^\W*epoch\W*\d+(?:\s*/\s*\d+)?\W*$"
)

_UNITS: Final = (
    r"images?|imgs?|samples?|examples?|tokens?|toks?|seqs?|sequences|sentences|words?|frames|records|episodes|steps|iterations|iters?|it|batch(?:es)?"
    r"|graphs|queries|ex"
)
PER_SECOND: Final = re.compile(rf"\s*((?:{_UNITS})\s?(?:/\s?(?:second|sec|s)|per[_ ]sec(?:ond)?))\b", re.IGNORECASE)
THROUGHPUT: Final = re.compile(  # low
    r"(?:^|[\s|:=(,\[.])(?P<name>throughput|ips|wps|fps|(?:train_|running_?avg_?|curr_?)?(?:samples|tokens|images|examples|img|seqs?|words|tok)"
    r"_?(?:per_?second|per_?sec|/sec|/s|persec))\"?'?\s*[:=]?\s*$"
)
PER_CLASS: Final = re.compile(r"\b(?:of|for)\s+(?:the\s+)?(?:class\W+)?['\"]?([a-z]\w*)")  # low
WHOLE: Final = vocabulary(
    """
    the network model net classifier best final this our images set data dataset all validation test testing train training epoch class step
    iteration fold output eval evaluation dev valid val
    """
)


def reporting(low: str) -> int:
    """How much of a line, from its start, may report results.

    Nothing of command lines, flags, configuration dumps, package lists, checkpoint names; of a line that comes to speak of goals and of
    other results, only what is told before.
    """
    if _COMMAND_STEM.search(low) is not None and (_COMMAND.search(low) or (_numbered_file(low) and not low.lstrip().startswith("{"))):
        return 0
    if len(_SWITCH.findall(low)) >= _MANY_SWITCHES:
        return 0
    wish = _WISH.search(low) if _WISH_STEM.search(low) else None
    if wish is None:
        return len(low)
    parts = [found.start() for found in _PARTED.finditer(low, 0, wish.start())]
    return parts[-1] if parts and _TOLD.search(low, 0, parts[-1]) else 0


def _numbered_file(low: str) -> bool:
    """The name of a checkpoint, and a number somewhere behind it."""
    named = _FILE.search(low)
    return named is not None and _DIGIT.search(low, named.end()) is not None


def is_example(low: str) -> bool:
    """A JSON line with a sentence that a model was told or has said: its numbers are those of this one example."""
    return low.startswith("{") and any(found[0].count(" ") >= _SENTENCE for found in SAID.finditer(low))


def is_of_one_class(low: str) -> bool:
    """`Accuracy of plane :` tells of one class; `Accuracy of the network on the test images:` of the whole."""
    found = PER_CLASS.search(low)
    return found is not None and found[1] not in WHOLE


def spelled(name: str) -> str:
    """The unit that a throughput's name implies; empty where it names none."""
    for stem, unit in (("token", "tokens"), ("tok", "tokens"), ("image", "images"), ("img", "images"), ("example", "examples"), ("word", "words")):
        if stem in name:
            return unit + "/s"
    if name == "wps":
        return "words/s"
    return "sequences/s" if "seq" in name else "samples/s" if "sample" in name or name == "ips" else ""
