"""Rankers: what puts passages in order for a query."""

from fsqa.ranking.base import Ranker
from fsqa.ranking.bm25 import Bm25
from fsqa.ranking.cross_encoder import CrossEncoder
from fsqa.ranking.embedding import Embedding
from fsqa.ranking.mean_pooling import MeanPooling
from fsqa.ranking.minilm import MiniLm
from fsqa.ranking.sentence_transformer import SentenceTransformer
from fsqa.ranking.static import StaticEmbedding

__all__ = [
    "Bm25",
    "CrossEncoder",
    "Embedding",
    "MeanPooling",
    "MiniLm",
    "Ranker",
    "SentenceTransformer",
    "StaticEmbedding",
]
