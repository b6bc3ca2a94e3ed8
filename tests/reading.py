"""Questions about documents, and a model and an encoder that read them character by character or word by word."""

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForQuestionAnswering, BertConfig, DistilBertConfig, PreTrainedTokenizerFast

from fsqa.encode.windows import WindowEncoder
from fsqa.types import Prompt, Record
from tests.builders import configured

CONTEXT = "  emma was written by jane austen, in hampshire. she died in 1817. "


def record(identity="1", question="who wrote it", answer="jane austen", context=CONTEXT) -> Record:
    """A question whose answer is looked up in its context; an empty answer is an unanswerable question."""
    starts = (context.index(answer),) if answer else ()
    kind = "answerable" if answer else "unanswerable"
    return Record(id=identity, question=question, answers=(answer,), context=context, kind=kind, answer_starts=starts)


def prompt(of: Record) -> Prompt:
    return configured("prompt", "extractive")(of)


def words(*texts: str) -> PreTrainedTokenizerFast:
    """Words and punctuation of some texts as tokens, with BERT's special tokens."""
    split = pre_tokenizers.Sequence([pre_tokenizers.Whitespace()])
    found = sorted({word for text in (CONTEXT, *texts) for word, _ in split.pre_tokenize_str(text)})
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    core = Tokenizer(models.WordLevel({token: i for i, token in enumerate([*special, *found])}, unk_token="[UNK]"))
    core.pre_tokenizer = split
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    )


def reader(tokenizer, max_length=64, stride=4, max_question_tokens=8) -> WindowEncoder:
    return WindowEncoder(
        tokenizer=tokenizer, max_length=max_length, stride=stride, max_question_tokens=max_question_tokens
    )


def pointer(vocabulary: int, architecture="distilbert", seed=0, scale=3.0):
    """A tiny random model with a span head and no dropout; ``scale`` stretches its weights, so that words differ."""
    sizes = {"vocab_size": vocabulary, "max_position_embeddings": 64}
    if architecture == "distilbert":
        config = DistilBertConfig(
            **sizes, dim=32, hidden_dim=64, n_layers=2, n_heads=2, dropout=0, attention_dropout=0, qa_dropout=0
        )
    else:
        config = BertConfig(
            **sizes,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            hidden_dropout_prob=0,
            attention_probs_dropout_prob=0,
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForQuestionAnswering.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
    return model
