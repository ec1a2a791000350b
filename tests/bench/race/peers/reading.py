"""Who reads texts: each of the peers as its documentation recommends. One function opens one; texts in, labels out."""

import asyncio
import threading
from functools import partial

BATCH = 32


def open_reader(name, folder):
    """A function from texts to labels, warm.

    `pipeline-8` is transformers' pipeline with batches of 8; `none` reads nothing.
    """
    kind, _, size = name.partition("-")
    read = READERS[kind](folder, int(size or BATCH))
    read(["query: a first one, which is not timed"] * 3)
    return read


def nobody(_folder, _size):
    return lambda texts: [""] * len(texts)


def pipeline(folder, size):
    """transformers' pipeline; the texts in the order in which they came, as it takes them."""
    import torch
    from transformers import pipeline as made

    model = made("text-classification", model=str(folder), trust_remote_code=True)

    def read(texts):
        with torch.inference_mode():
            return [one["label"] for one in model(texts, batch_size=size, truncation=True)]

    return read


def bf16(folder, size):
    """torch in bfloat16: batches of like length, padded to their longest."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, trust_remote_code=True, dtype=torch.bfloat16
    ).eval()

    def answers(texts):
        with torch.inference_mode():
            found = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits.argmax(-1)
        return [model.config.id2label[number] for number in found.tolist()]

    return partial(_by_length, answers, size)


def ort(folder, size):
    """Plain ONNX Runtime over the int8 graph: batches of like length, padded to their longest; its own threads."""
    import onnxruntime
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "int8")
    names = AutoConfig.from_pretrained(folder, trust_remote_code=True).id2label
    session = onnxruntime.InferenceSession(folder / "int8" / "model_quantized.onnx", providers=["CPUExecutionProvider"])

    def answers(texts):
        fed = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
        (logits,) = session.run(["logits"], dict(fed))
        return [names[number] for number in logits.argmax(-1).tolist()]

    return partial(_by_length, answers, size)


def optimum(folder, size):
    """optimum's model for ONNX Runtime inside transformers' pipeline, as its documentation has it."""
    from optimum.onnxruntime import ORTModelForSequenceClassification
    from transformers import AutoTokenizer
    from transformers import pipeline as made

    model = ORTModelForSequenceClassification.from_pretrained(
        folder / "int8", file_name="model_quantized.onnx", trust_remote_code=True
    )
    classify = made("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder / "int8"))
    return lambda texts: [one["label"] for one in classify(texts, batch_size=size, truncation=True)]


def infinity(folder, size):
    """infinity-emb's engine, which batches by itself, on a loop of its own."""
    from infinity_emb import AsyncEmbeddingEngine, EngineArgs

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    engine = AsyncEmbeddingEngine.from_args(
        EngineArgs(
            model_name_or_path=str(folder), engine="torch", device="cpu", batch_size=size, bettertransformer=False
        )
    )
    asyncio.run_coroutine_threadsafe(engine.astart(), loop).result()

    def read(texts):
        found, _ = asyncio.run_coroutine_threadsafe(engine.classify(sentences=texts), loop).result()
        return [max(one, key=lambda answer: answer["score"])["label"] for one in found]

    return read


def _by_length(answers, size, texts):
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    found = [""] * len(texts)
    for start in range(0, len(order), size):
        positions = order[start : start + size]
        for position, label in zip(positions, answers([texts[position] for position in positions]), strict=True):
            found[position] = label
    return found


READERS = {
    "none": nobody,
    "pipeline": pipeline,
    "bf16": bf16,
    "ort": ort,
    "optimum": optimum,
    "infinity": infinity,
}
