import unicodedata
from functools import partial

import numpy as np
import pytest

from virality.featurizers.text_language import LANGUAGES, OTHERS, TextLanguage
from virality.featurizers.text_sentiment import TextSentiment
from virality.featurizers.text_shape import TextShape


def measure(featurizer, text):
    names = [column.name for column in featurizer.columns]
    return dict(zip(names, featurizer.extract([text])[0].tolist(), strict=True))


shape = partial(measure, TextShape())
language = partial(measure, TextLanguage())
sentiment = partial(measure, TextSentiment())


def test_the_shape_of_a_known_caption():
    values = shape("WAIT for it... sooo good?! 😂😂\n#fyp #food @anna www.x.org 12")
    assert values == {
        "length": 59,
        "plain_length": 29,
        "words": 6,
        "word_length": pytest.approx(19 / 6),
        "distinct_words_share": 1,
        "emoji": 2,
        "distinct_emoji": 1,
        "emoji_share": pytest.approx(2 / 59),
        "hashtags": 2,
        "mentions": 1,
        "links": 1,
        "tags_share": pytest.approx(1 - 24 / 49),
        "capitals_share": pytest.approx(4 / 17),
        "shouted_words_share": pytest.approx(1 / 6),
        "digits_share": pytest.approx(2 / 24),
        "punctuation_share": pytest.approx(5 / 24),
        "non_latin_share": 0,
        "questions": 1,
        "exclamations": 1,
        "ellipses": 1,
        "stretched_words": 1,
        "line_breaks": 1,
        "begins_with_tag": 0,
    }


def test_an_empty_caption_has_counts_but_no_shares():
    values = shape("")
    assert values["length"] == values["words"] == values["hashtags"] == 0
    assert np.isnan([values[name] for name in values if name.endswith("_share")]).all()


def test_other_scripts_and_their_marks():
    assert shape("本当？すごい！")["non_latin_share"] == 1
    assert shape("本当？すごい！")["questions"] == shape("本当？すごい！")["exclamations"] == 1
    assert shape("ăn phở")["non_latin_share"] == 0
    assert shape("#fyp look")["begins_with_tag"] == 1
    assert np.isnan(shape("今日")["capitals_share"])


def test_a_reader_does_not_see_zero_width_signs():
    assert shape("\u200b" * 50 + "hi") == shape("hi")
    assert shape("\u200f#هاشتاق")["begins_with_tag"] == 1
    assert shape("\u200e@bob")["begins_with_tag"] == 1
    assert shape("👨‍👩‍👧‍👦 hi")["length"] == 4


@pytest.mark.parametrize(
    ("text", "signs", "word_signs"),
    [
        ("สวัสดีครับ วันนี้", 11, 5.0),  # ส วั ส ดี ค รั บ, วั น นี้
        ("नमस्ते दोस्तों", 6, 2.5),  # न म स्ते, दो स्तों
        ("Cơm tấm", 7, 3.0),
    ],
)
def test_characters_are_what_a_reader_sees(text, signs, word_signs):
    values = shape(text)
    assert values["length"] == values["plain_length"] == signs
    assert values["word_length"] == word_signs
    assert shape(unicodedata.normalize("NFD", text)) == pytest.approx(values, nan_ok=True)


def test_an_emoji_of_many_parts_is_one_character_and_its_spellings_are_one_emoji():
    assert shape("hi 👨‍👩‍👧‍👦")["tags_share"] == pytest.approx(1 / 3)
    assert shape("ok 🇻🇳 #a")["tags_share"] == pytest.approx(3 / 5)
    assert shape("❤ ❤️ 😂")["distinct_emoji"] == 2


def test_styled_letters_are_the_letters_they_stand_for():
    values = shape("𝓗𝓮𝓵𝓵𝓸 𝗕𝗢𝗟𝗗 ＡＢＣ")
    assert values["non_latin_share"] == 0
    assert values["capitals_share"] == pytest.approx(8 / 12)
    assert values["words"] == 3


@pytest.mark.parametrize(
    ("text", "questions", "exclamations"),
    [
        ("really‼", 0, 2),
        ("what⁉", 1, 1),
        ("what⁇", 2, 0),
        ("τι κάνεις\u037e", 1, 0),
        ("τι κάνεις;", 1, 0),
        ("one; two", 0, 0),
        ("ماذا؟", 1, 0),
        ("ինչ՞ ահա՜", 1, 1),
        ("本当？すごい！", 1, 1),
    ],
)
def test_marks_of_many_scripts(text, questions, exclamations):
    values = shape(text)
    assert (values["questions"], values["exclamations"]) == (questions, exclamations)


def test_tags_without_spaces_between_them_are_no_words():
    values = shape("#fyp#viral#foryou hello")
    assert values["hashtags"] == 3
    assert values["words"] == 1
    assert values["tags_share"] == pytest.approx(17 / 22)
    assert shape("it&#39;s")["hashtags"] == 0


SENTENCES = {
    "en": "I could not believe how good this dinner tasted after a long day at work",
    "es": "Hoy les voy a enseñar cómo preparar una tortilla de patatas muy fácil",
    "pt": "Não acredito que vocês ainda não conhecem essa receita de bolo de cenoura",
    "fr": "Aujourd'hui je vous montre comment préparer un gâteau au chocolat chez vous",
    "de": "Heute zeige ich euch, wie man ganz einfach einen Kuchen backen kann",
    "vi": "Hôm nay mình sẽ hướng dẫn các bạn cách nấu phở bò ngon tại nhà",
    "id": "Hari ini saya akan menunjukkan cara memasak nasi goreng yang enak sekali di rumah",
    "ru": "Сегодня я покажу вам, как приготовить очень вкусный борщ",
    "ar": "اليوم سوف أعلمكم كيفية تحضير الكعكة في المنزل",
    "hi": "आज मैं आपको घर पर स्वादिष्ट खाना बनाना सिखाऊंगा",
    "th": "วันนี้จะมาสอนทำอาหารง่ายๆ ที่บ้าน",
    "ja": "今日はとても簡単なお弁当を作ってみました",
    "ko": "오늘은 집에서 쉽게 만드는 김치찌개를 소개합니다",
    "zh": "今天教大家在家里做一道非常好吃的红烧肉",
    "tr": "Bugün size evde çok kolay bir kek nasıl yapılır göstereceğim",
}


NEAR = {"id": ["id", "ms"]}  # written almost alike: the two share what is certain together


@pytest.mark.parametrize("code", SENTENCES)
def test_the_language_of_a_clear_sentence(code):
    values = language(SENTENCES[code] + " #fyp @someone https://x.org 😂")
    probabilities = {name: value for name, value in values.items() if name != "confidence"}
    assert max(probabilities, key=probabilities.get) == f"{code}_probability"
    assert values["confidence"] == values[f"{code}_probability"]
    assert sum(values[f"{near}_probability"] for near in NEAR.get(code, [code])) > 0.6
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_language_of_hashtags_alone_and_of_nothing():
    assert language("#gecəniz #xeyrə #qalsın")["confidence"] > 0
    assert np.isnan(list(language("😂 123 @someone").values())).all()


def test_no_language_stands_twice():
    assert len({*LANGUAGES, *OTHERS}) == len(LANGUAGES) + len(OTHERS)


def test_signs_of_sentiment():
    glad = sentiment("I love this, it makes me so happy")
    angry = sentiment("This is terrible, I hate it and it makes me sad")
    assert glad["words"] > 0.5 > 0 > -0.5 > angry["words"]
    assert glad["words_positive_share"] > 0 == glad["words_negative_share"]
    assert np.isnan(glad["emoji_mean"])
    assert glad["overall"] == glad["words"]


@pytest.mark.parametrize("apostrophe", "’‘ʼ＇´")
@pytest.mark.parametrize(
    "text",
    ["I don't like it at all", "this isn't good, I can't love it", "That's not what we're at"],
)
def test_an_apostrophe_of_a_phone_is_an_apostrophe(text, apostrophe):
    spelled = text.replace("'", apostrophe)
    np.testing.assert_equal(sentiment(spelled), sentiment(text))
    np.testing.assert_equal(language(spelled), language(text))


def test_a_negation_is_no_praise():
    assert sentiment("I don’t like it")["words"] < 0 < sentiment("I like it so much")["words"]


def test_words_in_curly_quotes_are_read():
    assert sentiment("this makes me so “happy” today")["words"] > 0.3
    assert sentiment("this makes me so ‘happy’ today")["words"] > 0.3


def test_emoji_speak_in_every_language():
    glad, angry = sentiment("今日 ❤️😍"), sentiment("今日 😡💔")
    assert glad["emoji_mean"] > 0.5 > 0 > angry["emoji_mean"]
    assert glad["emoji_scored"] == 2
    assert glad["emoji_lowest"] < glad["emoji_highest"]
    assert np.isnan(glad["words"])
    assert glad["overall"] == glad["emoji_mean"]


def test_a_skin_tone_does_not_change_what_an_emoji_says():
    assert sentiment("👍🏽")["emoji_mean"] == sentiment("👍")["emoji_mean"]


def test_words_of_other_languages_are_not_read_as_english():
    assert np.isnan(sentiment("Die Katze ist heute sehr müde und die Nacht war lang")["words"])


def test_reading_emoji_scores_leaves_logging_alone():
    import logging
    import sys

    sentiment("❤️")
    assert "emosent" not in sys.modules
    assert not any(type(one) is logging.StreamHandler for one in logging.getLogger().handlers)
