"""What a level that was reached asks a person to do, and who takes care of it."""

from collections.abc import Mapping

from edge.counts import Task
from edge.languages import gettext


def task_words(task: Task) -> str:
    """One thing to do; empty where there is nothing."""
    words: Mapping[Task, str] = {
        "nothing": "",
        "go_and_look": gettext("Go and look at ten plants at the edge of the field today: a catch says that it flies."),
        "count_by_eye": gettext("Count by eye at ten places today: the camera alone is not sure enough."),
        "follow_source": gettext("Ask your plant protection station today, and do what it says."),
    }
    return words[task]


def taken_words(who: str, at: str) -> str:
    """Who takes care of it, and since when."""
    return gettext("%(who)s takes care of it, %(at)s.", who=who, at=at)
