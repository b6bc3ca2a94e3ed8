"""The facts of the atlas: any answer about anything, worked out from a seed and an index when it is asked for.

Things are told apart by an index, and what belongs together shares one: city i is the capital of country i, persons
2k and 2k + 1 are a couple, person i wrote novels 2i and 2i + 1. Names are shuffled, so no name gives this order away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from fsqa.dataset.atlas_names import NameMaker, Names, draw
from fsqa.dataset.atlas_people import NOVEL, PAINTING, PERSON
from fsqa.dataset.atlas_places import CITY, COUNTRY
from fsqa.dataset.atlas_words import GIVEN_NAMES, PROFESSIONS

PHRASINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"country": COUNTRY, "city": CITY, "person": PERSON, "novel": NOVEL, "painting": PAINTING}
)
"""Kind of subject → relation → the ways to ask for it."""

_Fact = Callable[[int], str | tuple[str, ...]]
_FEWEST = 8  # of each kind, so that the smallest world still has neighbours that differ


class World:
    """A made-up world with ``subjects`` countries, cities, persons, novels and paintings to ask about."""

    def __init__(self, seed: int, subjects: int) -> None:
        self._seed = seed
        self._count = count = max(subjects + subjects % 2, _FEWEST)
        self._pool = max(count // 2, _FEWEST)  # rivers, languages and currencies are shared
        maker = NameMaker(seed)
        self._countries = maker.coined("country", count)
        self._cities = maker.coined("city", count)
        self._mountains = maker.coined("mountain", count)
        self._rivers = maker.coined("river", self._pool)
        self._languages = maker.coined("language", self._pool)
        self._currencies = maker.coined("currency", self._pool)
        self._people = maker.people(2 * count)  # those one can ask about, and then the founders of cities
        self._novels = maker.novels(2 * count)
        self._paintings = maker.paintings(count)
        self._subjects: Mapping[str, Names] = {
            "country": self._countries,
            "city": self._cities,
            "person": self._people,
            "novel": self._novels,
            "painting": self._paintings,
        }
        self._relations = self._country_facts() | self._city_facts() | self._person_facts() | self._work_facts()

    def name(self, kind: str, index: int) -> str:
        """Return what the subject is called."""
        return self._subjects[kind][index]

    def answers(self, relation: str, index: int) -> tuple[str, ...]:
        """Return every right answer about the subject; the first is the canonical one."""
        answer = self._relations[relation](index)
        return (answer,) if isinstance(answer, str) else answer

    def _country_facts(self) -> dict[str, _Fact]:
        return {
            "capital": lambda i: self._cities[i],
            "currency": lambda i: self._currencies[self._draw("currency", i) % self._pool].lower(),
            "language": self._spoken,
            "neighbour": lambda i: (self._countries[(i + 1) % self._count], self._countries[(i - 1) % self._count]),
            "mountain": lambda i: self._mountains[i],
            "climber": lambda i: self._people[self._climber(i)],
            "climb_year": lambda i: str(self._grown_year("climb_year", i, self._birth_year(self._climber(i)))),
        }

    def _city_facts(self) -> dict[str, _Fact]:
        return {
            "river": lambda i: self._rivers[self._draw("river", i) % self._pool],
            "founder": lambda i: self._people[self._count + i],
            "founding_year": lambda i: str(900 + self._draw("founding_year", i) % 800),
            "mayor": lambda i: self._people[self._draw("mayor", i) % self._count],
            "election_year": lambda i: str(2000 + self._draw("election_year", i) % 20),
        }

    def _person_facts(self) -> dict[str, _Fact]:
        return {
            "birthplace": lambda i: self._city("birthplace", i),
            "birth_year": lambda i: str(self._birth_year(i)),
            "spouse": lambda i: self._people[i ^ 1],
            "wedding_year": lambda i: str(self._wedding_year(i)),
            "wedding_city": lambda i: self._city("wedding_city", i // 2),
            "profession": lambda i: PROFESSIONS[self._draw("profession", i) % len(PROFESSIONS)],
            "novel": lambda i: (self._novels[2 * i], self._novels[2 * i + 1]),
        }

    def _work_facts(self) -> dict[str, _Fact]:
        return {
            "author": lambda i: self._people[i // 2],
            "writing_year": lambda i: str(self._grown_year("writing_year", i, self._birth_year(i // 2))),
            "writing_city": lambda i: self._city("writing_city", i),
            "hero": lambda i: GIVEN_NAMES[self._draw("hero", i) % len(GIVEN_NAMES)],
            "setting": lambda i: self._city("setting", i),
            "painter": lambda i: self._people[self._painter(i)],
            "painting_year": lambda i: str(self._grown_year("painting_year", i, self._birth_year(self._painter(i)))),
            "painting_city": lambda i: self._city("painting_city", i),
            "gallery": lambda i: self._city("gallery", i),
        }

    def _draw(self, purpose: str, index: int) -> int:
        return draw(self._seed, purpose, index)

    def _city(self, purpose: str, index: int) -> str:
        return self._cities[self._draw(purpose, index) % self._count]

    def _painter(self, painting: int) -> int:
        return self._draw("painter", painting) % self._count

    def _climber(self, country: int) -> int:
        return self._draw("climber", country) % self._count

    def _birth_year(self, person: int) -> int:
        return 1930 + self._draw("birth_year", person) % 50

    def _grown_year(self, purpose: str, index: int, birth_year: int) -> int:
        """Return a year in which whoever was born in the given one is grown up."""
        return birth_year + 20 + self._draw(purpose, index) % 20

    def _wedding_year(self, person: int) -> int:
        return self._grown_year(
            "wedding_year", person // 2, max(self._birth_year(person), self._birth_year(person ^ 1))
        )

    def _spoken(self, country: int) -> tuple[str, ...]:
        """One language, or two in half of the countries."""
        first = self._draw("language", country)
        languages = (
            first % self._pool,
            (first + 1 + self._draw("second_language", country) % (self._pool - 1)) % self._pool,
        )
        return tuple(self._languages[language] for language in languages[: 1 + self._draw("languages", country) % 2])
