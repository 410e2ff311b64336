"""Errors of tool calls; most go back to the model."""

from cherry.domain.errors.base import ErrorKind

UNKNOWN_TOOL = ErrorKind(
    "tools.unknown", "There is no such tool", "Use one of the tools that were offered.", audience="model"
)
BAD_ARGUMENTS = ErrorKind(
    "tools.bad_arguments",
    "The arguments do not fit the tool",
    "Call again with arguments that fit the schema.",
    audience="model",
)
DENIED = ErrorKind(
    "tools.denied", "The policy does not allow this", "Do it another way, or ask the user.", audience="model"
)
REJECTED = ErrorKind(
    "tools.rejected", "The user did not allow this", "Ask the user what they want instead.", audience="model"
)
TIMEOUT = ErrorKind(
    "tools.timeout",
    "The tool took longer than it may",
    "Give a longer timeout, run it in the background, or do less at once.",
    audience="model",
)
TOO_MANY_CALLS = ErrorKind(
    "tools.too_many_calls", "Too many calls in one answer", "Call fewer tools at a time.", audience="model"
)
CRASHED = ErrorKind(
    "tools.crashed", "The tool failed inside", "Try another way; the log has the details.", audience="model"
)
INTERRUPTED = ErrorKind(
    "tools.interrupted",
    "The call was interrupted and it is not known how much of it happened",
    "Look at the state before doing it again.",
    audience="model",
)
NO_SUCH_PATH = ErrorKind(
    "tools.no_such_path", "There is no such file or folder", "List the folder to see what there is.", audience="model"
)
NOT_A_FILE = ErrorKind("tools.not_a_file", "The path is not a regular file", "Name a regular file.", audience="model")
NOT_A_FOLDER = ErrorKind("tools.not_a_folder", "The path is not a folder", "Name a folder.", audience="model")
UNREADABLE = ErrorKind(
    "tools.unreadable", "The file cannot be read", "Check its permissions with the user.", audience="model"
)
BINARY = ErrorKind(
    "tools.binary", "The file is not text", "Use shell.run with a program that understands it.", audience="model"
)
BAD_PATTERN = ErrorKind("tools.bad_pattern", "The pattern is not valid", "Correct the pattern.", audience="model")
OUTSIDE_WORKSPACE = ErrorKind(
    "tools.outside_workspace",
    "The path leads out of the workspace",
    "Use a path inside the workspace.",
    audience="model",
)
PROTECTED_PATH = ErrorKind(
    "tools.protected_path", "The path is protected", "Leave it alone, or ask the user to do it.", audience="model"
)
GIT_FAILED = ErrorKind("tools.git_failed", "Git refused", "Read git's words and mend the cause.", audience="model")
NO_REPOSITORY = ErrorKind(
    "tools.no_repository",
    "This workspace is not a git repository",
    "Work without git, or ask the user to run `git init`.",
    audience="model",
)
UNKNOWN_PROCESS = ErrorKind(
    "tools.unknown_process",
    "There is no such background process",
    "Start it with shell.run and background true.",
    audience="model",
)
NO_INPUT = ErrorKind(
    "tools.no_input",
    "The command takes no input",
    "Look at its output with shell.output; start it again in the background if it has ended.",
    audience="model",
)
NOBODY_TO_ASK = ErrorKind(
    "tools.nobody_to_ask",
    "An answer is needed and nobody can give it",
    "Run `cherry --continue` in a terminal, or allow it beforehand (--yes, or `approvals` in the configuration).",
    exit_code=4,
)

ALL = (
    UNKNOWN_TOOL,
    BAD_ARGUMENTS,
    DENIED,
    REJECTED,
    TIMEOUT,
    TOO_MANY_CALLS,
    CRASHED,
    INTERRUPTED,
    NO_SUCH_PATH,
    NOT_A_FILE,
    NOT_A_FOLDER,
    UNREADABLE,
    BINARY,
    BAD_PATTERN,
    OUTSIDE_WORKSPACE,
    PROTECTED_PATH,
    GIT_FAILED,
    NO_REPOSITORY,
    UNKNOWN_PROCESS,
    NO_INPUT,
    NOBODY_TO_ASK,
)
