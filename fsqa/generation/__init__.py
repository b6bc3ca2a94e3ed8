"""Ways of letting a model answer."""

from fsqa.generation.base import Answer, Generation
from fsqa.generation.beam_sampling import BeamSampling
from fsqa.generation.beams import Beams
from fsqa.generation.fill import Fill
from fsqa.generation.greedy import Greedy
from fsqa.generation.no_answers import NoAnswers
from fsqa.generation.sampling import Sampling
from fsqa.generation.span import Span, SpanOrNone

__all__ = [
    "Answer",
    "BeamSampling",
    "Beams",
    "Fill",
    "Generation",
    "Greedy",
    "NoAnswers",
    "Sampling",
    "Span",
    "SpanOrNone",
]
