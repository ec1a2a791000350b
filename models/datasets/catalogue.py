"""Every set that the shipped model learns from, in the order of reports."""

from models.datasets.cfbenchmark import CFBENCHMARK
from models.datasets.log_severity import LOG_SEVERITY
from models.datasets.sentfin import SENTFIN
from models.datasets.tfns import TFNS
from models.datasets.tfnt import TFNT

CATALOGUE = (SENTFIN, TFNS, CFBENCHMARK, TFNT, LOG_SEVERITY)
