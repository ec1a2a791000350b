"""Trouble with models and what they are made of. Each message is one line that says what is wrong and what to do.

ModelError
 +-- BundleError     a bundle is missing, damaged, or not what its manifest says
 +-- HeadError       a head is not declared as it should be
 +-- DatasetError    a set of labelled texts is missing or is not what its reader expects
 +-- WeightsError    the weights that training starts from cannot be had
 +-- RunError        a training run's folder is missing or damaged
 +-- ExportError     an exported graph does not answer as the network that it was made from
 +-- ReportError     an evaluation cannot be written down
 +-- Overdue         the classifier did not answer in the time that it was given
 +-- ExtraMissing    the extra `train` is not installed
"""


class ModelError(Exception):
    """Everything of models and export that ends a command with one clear line."""


class BundleError(ModelError):
    """A bundle is missing, damaged, or not what its manifest says."""


class NoCuda(BundleError):  # noqa: N818 - it says what is so
    """A bundle is in fp16, and no CUDA device answers."""


class HeadError(ModelError):
    """A head is not declared as it should be."""


class DatasetError(ModelError):
    """A set of labelled texts is missing or is not what its reader expects."""


class WeightsError(ModelError):
    """The weights that training starts from cannot be had, or are not the ones this project knows."""


class RunError(ModelError):
    """A training run's folder is missing or damaged."""


class ExportError(ModelError):
    """An exported graph does not answer as the network that it was made from."""


class ReportError(ModelError):
    """An evaluation cannot be written down."""


class Overdue(ModelError):  # noqa: N818 - it says what is so
    """The classifier did not answer in the time that it was given."""


class ExtraMissing(ModelError):  # noqa: N818 - it says what is so
    """The extra `train` is not installed."""
