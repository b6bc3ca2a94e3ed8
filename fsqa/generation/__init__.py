"""Ways of letting a model answer."""

from fsqa.generation.base import Answer, Generation
from fsqa.generation.greedy import Greedy

__all__ = ["Answer", "Generation", "Greedy"]
