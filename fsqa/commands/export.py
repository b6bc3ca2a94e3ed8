"""``fsqa export``: a finished run's model in the form that another program wants."""

from __future__ import annotations

from pathlib import Path

from fsqa.commands.arguments import Arguments, parse
from fsqa.errors import InputError, did_you_mean
from fsqa.finished import Finished, find_run
from fsqa.model.quantization import Quantization

FORMATS = {
    "merged": "the whole model for transformers, an adapter merged into its base",
    "adapter": "the adapter for peft, with its base if that is nowhere else",
    "int8": "weights in 8 bits (LLM.int8), with a table of size, speed and scores beside float32 and bfloat16",
    "torchao_int8": "the same by torchao, which has to be installed",
    "lm_eval": "the test questions as a task for lm-evaluation-harness",
}
GGUF = (
    "--format gguf: no maintained package converts models to GGUF (the package of that name only writes the file "
    "format); export with --format merged, and give that folder to convert_hf_to_gguf.py of llama.cpp"
)
EPILOG = "Formats:\n" + "\n".join(f"  {name:14}{what}" for name, what in FORMATS.items())


def run(words: list[str]) -> int:
    """Write a run's model in another form into a new folder; the run stays as it is."""
    parser = Arguments(
        "fsqa export", "Write a finished run's model in the form that another program wants.", epilog=EPILOG
    )
    parser.add_argument("run", type=Path, help="a run folder, such as outputs/default/<run>")
    parser.add_argument("--format", required=True, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    parser.add_argument("--output", type=Path, help="the new folder; ./<run>-<format> if left out")
    options = parse(parser, words)
    kind: str = options.format
    if kind == "gguf":
        raise InputError(GGUF)
    if kind not in FORMATS:
        raise InputError(f"--format: wanted one of {', '.join(FORMATS)}, got '{kind}'{did_you_mean(kind, FORMATS)}")
    finished = find_run(options.run)
    target = options.output or Path(f"{finished.path.resolve().name}-{kind}")
    told = _export(finished, kind, target)
    print(target)
    if told:
        print(told)
    return 0


def _export(finished: Finished, kind: str, target: Path) -> str:
    """Write the export, whole or not at all, and return what there is to say about it."""
    from fsqa.export.adapter import check_adapter, write_adapter
    from fsqa.export.folder import check_free, whole
    from fsqa.export.lm_eval import write_task

    check_free(target, finished.path)
    if kind == "adapter":
        check_adapter(finished)
        with whole(target) as folder:
            write_adapter(finished, folder, target)
        return ""
    if kind == "lm_eval":
        with whole(target) as folder:
            task = write_task(finished, folder, target)
        return task.command
    if kind == "merged":
        with whole(target) as folder:
            _write_merged(finished, folder)
        return ""
    quantization = Quantization(kind=kind)  # type: ignore[arg-type]  # one of FORMATS
    with whole(target) as folder:
        return _write_quantized(finished, folder, quantization)


def _write_merged(finished: Finished, folder: Path) -> None:
    from fsqa.export.card import write_card
    from fsqa.export.weights import has_adapter, write_merged

    write_merged(finished, folder)
    if has_adapter(finished):
        note = "The adapter of this run is merged into its base, in float32: the scores are those of the adapter."
        write_card(finished, folder, adapter=False, note=note)


def _write_quantized(finished: Finished, folder: Path, quantization: Quantization) -> str:
    from fsqa.export.card import write_card
    from fsqa.export.quantized import shown, table, write_quantized

    measured = write_quantized(finished, folder, quantization)
    package = "torchao" if quantization.kind == "torchao_int8" else "bitsandbytes"
    note = (
        f"The weights are held in 8 bits by {package}, which has to be installed where they are loaded. On the run's "
        f"own test set, answered on this machine in batches as in training:\n\n{table(measured)}\n\n"
        "The results below are those of the run before."
    )
    write_card(finished, folder, adapter=False, note=note)
    return shown(measured)
