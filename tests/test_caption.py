import pytest
from hypothesis import given
from hypothesis import strategies as st

from virality.featurizers.caption import LONGEST_CAPTION, clean, is_emoji, take_apart


def test_a_caption_is_taken_apart():
    caption = take_apart("Look: https://x.org/#no 🍚🍚 #Phở #fy_p2 @cô.ba, mail me@x.org a&#39;")
    assert caption.hashtags == ("Phở", "fy_p2")
    assert caption.mentions == ("cô.ba",)
    assert caption.links == ("https://x.org/#no",)
    assert caption.emoji == ("🍚", "🍚")
    assert caption.words[:3] == ("Look", "mail", "me")


@pytest.mark.parametrize("sign", ["👨‍👩‍👧‍👦", "🇻🇳", "1️⃣", "❤️", "❤", "👍🏽", "☀️"])
def test_an_emoji_is_one_sign(sign):
    assert take_apart(f"a{sign}b").emoji == (sign,)


@pytest.mark.parametrize("sign", ["1", "#", "©", "™", "a", "…", "あ", "е́"])
def test_what_is_no_emoji(sign):
    assert not is_emoji(sign)


def test_chinese_characters_and_apostrophes_make_words():
    assert take_apart("今日は don't").words == ("今", "日", "は", "don't")


def test_halves_of_a_surrogate_pair_are_joined_or_replaced():
    assert clean("\ud83d\ude02") == "😂"
    assert clean("a\ud83d") == "a\ufffd"


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=80))
def test_any_text_can_be_taken_apart(text):
    caption = take_apart(text)
    caption.text.encode("utf-8")
    assert "\0" not in caption.text
    assert "".join(caption.characters) == caption.text


def test_endless_captions_are_cut():
    assert len(clean("x" * 10**6)) == LONGEST_CAPTION
