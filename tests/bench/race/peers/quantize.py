"""The model in int8 as optimum's documentation makes it: exported to ONNX, then dynamic quantization for this CPU.

    python quantize.py FOLDER    # of a transformers model; leaves FOLDER/onnx and FOLDER/int8

What optimum calls is onnxruntime.quantization.quantize_dynamic.
"""

import platform
import sys
from pathlib import Path

from optimum.onnxruntime import ORTModelForSequenceClassification, ORTQuantizer
from optimum.onnxruntime.configuration import AutoQuantizationConfig
from transformers import AutoTokenizer


def scheme():
    """Optimum's own for this processor."""
    if platform.machine() in ("arm64", "aarch64"):
        return AutoQuantizationConfig.arm64(is_static=False, per_channel=True)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    best = AutoQuantizationConfig.avx512_vnni if "avx512_vnni" in flags else AutoQuantizationConfig.avx2
    return best(is_static=False, per_channel=True)


def main(folder):
    model = ORTModelForSequenceClassification.from_pretrained(folder, export=True, trust_remote_code=True)
    model.save_pretrained(folder / "onnx")
    ORTQuantizer.from_pretrained(folder / "onnx").quantize(scheme(), save_dir=folder / "int8")
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder / "int8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
