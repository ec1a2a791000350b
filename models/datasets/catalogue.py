"""Every set that the shipped model learns from, in the order of reports."""

from collections.abc import Collection

from models import heads
from models.datasets.banking77 import BANKING77
from models.datasets.cfbenchmark import CFBENCHMARK
from models.datasets.dataset import Dataset
from models.datasets.log_severity import LOG_SEVERITY
from models.datasets.loghub import LOGHUB
from models.datasets.ours import OURS
from models.datasets.reviews import REVIEWS
from models.datasets.sentfin import SENTFIN
from models.datasets.twitter import TFNS, TFNT
from models.errors import DatasetError, HeadError

CATALOGUE = (SENTFIN, TFNS, CFBENCHMARK, REVIEWS, OURS, TFNT, LOG_SEVERITY, LOGHUB, BANKING77)


def chosen(names: Collection[str]) -> tuple[Dataset, ...]:
    """The sets with these names, all of them where none is named; `DatasetError` for a name that is none."""
    known = {one.name for one in CATALOGUE}
    if unknown := sorted(set(names) - known):
        msg = f"there is no set {', '.join(unknown)}: choose among {', '.join(sorted(known))}"
        raise DatasetError(msg)
    return tuple(one for one in CATALOGUE if not names or one.name in names)


def require_sets() -> None:
    """`HeadError` for a head that is declared with a set that is none of its own here."""
    known = {(one.head, one.name) for one in CATALOGUE}
    for head, declared in heads.declared().items():
        for name in declared.sets:
            if (head, name) not in known:
                msg = f"{heads.HERE / head}.toml: sets names {name}, which is no set of {head}'s in the catalogue"
                raise HeadError(msg)
