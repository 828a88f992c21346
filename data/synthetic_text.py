"""Captions of the demo corpus: a small grammar in seven languages, with emojis and hashtags.

Language, topic, emojis and hashtags are drawn for each post anew, also within an author, so that
no caption tells who wrote it: followers would otherwise leak into the text features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_OPENINGS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Wait for the end of this {}",
        "I tried {} for a week",
        "Why does nobody talk about {}?",
    ),
    "es": ("Nadie te cuenta esto sobre {}", "Mi primera vez con {}", "¿Quién más ama {}?"),
    "fr": ("Voici mon secret pour {}", "J'ai testé {} pendant une semaine", "Qui aime aussi {} ?"),
    "de": ("Das habe ich über {} gelernt", "Wer kennt das mit {}?", "Eine Woche nur {}"),
    "pt": ("Ninguém fala disso sobre {}", "Meu dia com {}", "Quem também ama {}?"),
    "id": ("Rahasia {} yang jarang dibahas", "Seminggu penuh dengan {}", "Siapa yang suka {}?"),
    "vi": ("Bí quyết {} của mình", "Một ngày cùng {}", "Ai cũng thích {} đúng không?"),
}
_TOPICS: Mapping[str, tuple[str, ...]] = {
    "en": ("street food", "morning runs", "tiny gardens", "card tricks", "night drawing"),
    "es": ("la cocina callejera", "correr temprano", "los jardines", "la magia", "dibujar"),
    "fr": ("la cuisine de rue", "la course du matin", "le jardin", "la magie", "le dessin"),
    "de": ("Straßenküche", "Laufen am Morgen", "kleinen Gärten", "Kartentricks", "Zeichnen"),
    "pt": ("comida de rua", "correr cedo", "jardins pequenos", "truques de cartas", "desenho"),
    "id": ("makanan jalanan", "lari pagi", "kebun kecil", "trik kartu", "menggambar"),
    "vi": ("món ăn đường phố", "chạy bộ buổi sáng", "vườn nhỏ", "ảo thuật", "vẽ tranh"),
}
_TAGS = (
    *("fyp", "foryou", "viral", "streetfood", "run", "garden", "magic", "drawing", "diy"),
    *("tutorial", "funny", "dayinmylife", "música", "tips", "pourtoi", "parati", "xuhuong"),
)
_EMOJIS = ("😂", "🔥", "❤️", "😍", "🙏", "✨", "😭", "👀", "🎶", "😡", "👍🏽", "🇧🇷")
_NAMES = ("mika", "leo.draws", "nana_runs", "the_gardener", "cardo")


@dataclass(frozen=True)
class Caption:
    """A caption and what stands in it: hashtags without the sign, names without the sign."""

    text: str
    hashtags: tuple[str, ...]
    mentions: tuple[str, ...]


def write_caption(rng: np.random.Generator) -> Caption:
    """Return a caption; about one in twenty is empty, as among real posts."""
    if rng.random() < 0.05:
        return Caption("", (), ())
    language = tuple(_OPENINGS)[rng.integers(len(_OPENINGS))]
    topic = _TOPICS[language][rng.integers(len(_TOPICS[language]))]
    words = [_OPENINGS[language][rng.integers(3)].format(topic)]
    words += _some(_EMOJIS, int(rng.integers(0, 4)), rng)
    mentions = _some(_NAMES, int(rng.random() < 0.2), rng)
    hashtags = _some(_TAGS, int(rng.integers(0, 6)), rng)
    words += [f"@{name}" for name in mentions] + [f"#{tag}" for tag in hashtags]
    return Caption(" ".join(words), tuple(hashtags), tuple(mentions))


def _some(choices: tuple[str, ...], count: int, rng: np.random.Generator) -> list[str]:
    return [choices[index] for index in rng.permutation(len(choices))[:count]]
