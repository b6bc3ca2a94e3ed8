"""``fsqa ask``: let a finished run answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from fsqa.asked import Asked, asked_of, is_override
from fsqa.commands.arguments import Arguments, parse
from fsqa.errors import InputError
from fsqa.finished import Finished, find_run, load_model
from fsqa.types import Record

EPILOG = """Overrides, as for fsqa evaluate: generation=sampling generation.temperature=0.7 quantization=int8 ...
"""

Ask = Callable[[list[str]], list[dict[str, object]]]


def run(words: list[str]) -> int:
    """Answer one question, a file of them (one a line), or whatever is typed."""
    parser = Arguments(
        "fsqa ask", "Let a finished run answer one question, a file of questions, or what you type.", epilog=EPILOG
    )
    parser.add_argument("run", type=Path, help="a run folder, such as outputs/default/<run>")
    parser.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="question or key=value",
        help="no question: they are read as you type them",
    )
    parser.add_argument("--file", type=Path, help="a text file with one question a line; - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of plain answers")
    parser.add_argument("--context", default="", help="a document to go with the question")
    options = parse(parser, words)
    question = _question(options.words)
    if question is not None and options.file is not None:
        raise InputError("give a question or --file, not both")
    if options.context and not options.context.strip():
        raise InputError("--context: wanted some text, got an empty one")
    finished = find_run(options.run)
    asked = asked_of(finished, [word for word in options.words if is_override(word)], ("generation", "quantization"))
    questions = _read_file(options.file) if options.file else None
    ask = _asker(finished, asked, options.context)
    if questions is not None:
        _print(ask(questions), options.json, many=True)
    elif question is not None:
        _print(ask([question]), options.json, many=False)
    else:
        for question in _typed():
            _print(ask([question]), options.json, many=False)
    return 0


def _question(words: list[str]) -> str | None:
    """Return the one question among the words that are no overrides."""
    questions = [word for word in words if not is_override(word)]
    if len(questions) > 1:
        raise InputError(f"wanted one question, got {len(questions)} words; put the question in quotes")
    if questions and not questions[0].strip():
        raise InputError("question: wanted some text, got an empty one")
    return questions[0] if questions else None


def _read_file(path: Path) -> list[str]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--file: cannot read {path}: {error}") from None
    questions = [line.strip() for line in text.splitlines() if line.strip()]
    if not questions:
        raise InputError(f"--file: no question in {path}; wanted one a line")
    return questions


def _asker(finished: Finished, asked: Asked, context: str) -> Ask:
    from fsqa.config.instantiate import build
    from fsqa.generation.no_answers import NoAnswers
    from fsqa.objective.language_model import LanguageModel

    config = finished.config
    if isinstance(build(asked.generation), NoAnswers):
        raise InputError(
            f"{finished.path}: this run models plain text and has learned no form of question; ask a run of another "
            "prompt, such as prompt=closed_book"
        )
    model, tokenizer = load_model(finished, asked.quantization)
    layout, generation = build(config["prompt"]).bound(tokenizer), build(asked.generation)
    objective = build(config["objective"])
    if isinstance(objective, LanguageModel):
        encoder, lay_out = objective.asking_encoder(tokenizer, config["max_length"]), layout.opening
    else:
        encoder, lay_out = objective.encoder(tokenizer, config["max_length"]), layout

    def ask(questions: list[str]) -> list[dict[str, object]]:
        records = [Record(id=str(i), question=q, answers=("",), context=context) for i, q in enumerate(questions)]
        answers = generation(model, encoder, [lay_out(record) for record in records])
        return [
            {"question": question, "answer": generation.answer_text(question, answer), "stopped": answer.stopped}
            for question, answer in zip(questions, answers, strict=True)
        ]

    return ask


def _typed() -> Iterator[str]:
    """Yield questions until an empty line or the end of input."""
    if sys.stdin.isatty():
        print("Ask a question; an empty line ends.", file=sys.stderr)
    while True:
        try:
            question = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if not question:
            return
        yield question


def _print(answers: list[dict[str, object]], as_json: bool, many: bool) -> None:
    for answer in answers:
        if as_json:
            print(json.dumps(answer, ensure_ascii=False), flush=True)
        else:
            print(f"{answer['question']}\t{answer['answer']}" if many else answer["answer"], flush=True)
