"""What each dataset calls its classes and what we call them: scientific name, EPPO code where it was checked."""

from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError
from training.text import rows_of

CLASSES_CSV = Path(__file__).with_name("classes.csv")
COLUMNS = ("dataset", "class", "label", "eppo")  # eppo is empty where nobody checked it
HEALTHY = "healthy"  # annotated in some sets, and never a detection: a healthy leaf is what disease is absent from


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The labels of one bundle in the order of its class ids, and the way to them from each dataset's own names."""

    labels: tuple[str, ...]
    eppo: tuple[str, ...]  # one a label, "" where no checked code is known
    label_of: dict[tuple[str, str], str]  # (dataset, the dataset's class name) -> label, HEALTHY included

    def class_id(self, dataset: str, name: str) -> int | None:
        """Index into `labels` of a dataset's class, None for healthy. Raises ConfigError for a name it lacks."""
        name = name.strip()  # as `rows_of` reads it
        if (dataset, name) not in self.label_of:
            raise ConfigError(f"{CLASSES_CSV.name}: no row for class {name!r} of {dataset}; add one with its label")
        label = self.label_of[dataset, name]
        return None if label == HEALTHY else self.labels.index(label)


def read_classes(datasets: list[str]) -> ClassTable:
    """The table for these datasets. Two classes with one label are merged (two names of one insect).

    Labels stand in the file's order, set by set. Raises ConfigError when a dataset has no row, a label two codes, or a
    class no label or two.
    """
    rows = rows_of(CLASSES_CSV, COLUMNS)
    label_of: dict[tuple[str, str], str] = {}
    eppo: dict[str, str] = {}
    for dataset in datasets:
        own = [row for row in rows if row["dataset"] == dataset]
        if not own:
            raise ConfigError(f"{CLASSES_CSV.name}: no class of dataset {dataset!r}; add its rows or mend the name")
        for row in own:
            label, code = row["label"], row["eppo"]
            if not label or label_of.setdefault((dataset, row["class"]), label) != label:
                has = "two labels" if label else "no label"
                told = f"{CLASSES_CSV.name}: class {row['class']!r} of {dataset} has {has}"
                raise ConfigError(f"{told}; give it one, {HEALTHY} for what is never a detection")
            if label == HEALTHY:
                continue
            known = eppo.get(label) or code
            if code not in ("", known):
                told = f"{CLASSES_CSV.name}: {label} has both the codes {known} and {code}"
                raise ConfigError(f"{told}; keep the right one")
            eppo[label] = known
    return ClassTable(tuple(eppo), tuple(eppo.values()), label_of)
