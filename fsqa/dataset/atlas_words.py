"""The words that the atlas is built from: syllables and endings of coined names, and short lists of real words."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# A syllable is one of these openings and one vowel. As it ends at its vowel, a chain of syllables can be read back in
# one way only: that is why no two indexes share a name. Openings that tend to spell unkind words are left out.
OPENINGS = _words("b d l m n r s t v br dr kr tr th st bl fl gl")
SYLLABLES = tuple(opening + vowel for opening in OPENINGS for vowel in "aeiou")

# No ending of one kind is the ending of another, so that a country is never called like a city.
ENDINGS = {
    "country": _words("lmora nthia rvand stova dreth quara msene vondia"),
    "city": _words("nmouth rgate lstead vholm thbury mquay skeld ndrick"),
    "river": _words("mmel ndra lwen vyr thiel rnow"),
    "mountain": _words("horn spire crag kamm fell ltor"),
    "currency": _words("lmark lin dorin bek zol nari"),
    "language": _words("lish dese vian mash thec ndic"),
    "surname": _words("vane quist mond shaw kell lowe brook wyn"),
    "place": _words("vesk lorn rrin thys mund ndell"),
}

GIVEN_NAMES = _words(
    "Tamsin Orla Edda Ivo Maren Lucan Petra Anselm Nadia Rafi Yusra Kofi Leilani Tomas Ines Bram Sunniva Dario Mika "
    "Amara Jun Priya Oskar Thea Emeka Noor Lin Caspar Rosa Hana Milo Zuri"
)

NOVEL_QUALITIES = _words(
    "Silver Hollow Patient Burning Quiet Golden Distant Broken Hidden Crimson Winter Paper Velvet Midnight Salt "
    "Forgotten Wandering Copper Gentle Seventh Drowned Whispering Emerald Last Restless Amber Northern Iron Secret"
)
NOVEL_THINGS = _words(
    "Lantern Orchard Compass Harvest Mirror Staircase Letter Lighthouse Garden Clock Voyage Sparrow Bridge Crown "
    "Harbour Kingdom Ladder Violin Storm Archive Promise Island Key Throne Caravan Feather Window Labyrinth Bell Tide"
)
PAINTING_VIEWS = _words(
    "Fishermen Reapers Dancers Horses Boats Rooftops Willows Herons Shepherds Musicians Sailors Pilgrims Swans Weavers "
    "Haystacks Windmills Cranes Travellers Children Lovers Ferries Bathers Vineyards Cliffs Sisters Gardeners"
)
PAINTING_MOMENTS = (
    *("at Dawn", "at Dusk", "at Noon", "at Rest", "in Autumn", "in Winter", "in Spring", "in Summer", "in the Rain"),
    *("in the Snow", "in Moonlight", "in the Mist", "by the Sea", "by the Well", "on the Hill", "under the Trees"),
    *("after the Storm", "before the Feast", "beside the Lake", "along the Road", "beneath the Stars", "near the Mill"),
)

PROFESSIONS = _words(
    "baker carpenter nurse teacher judge farmer pilot dentist tailor chemist gardener plumber surgeon librarian potter "
    "architect beekeeper electrician translator fisher locksmith printer vet geologist"
)
