import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from virality.data.cells import hashtags_in, mentions_in
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ラーメン", ("ラー", "メ", "ン")),
        ("ﾗｰﾒﾝ", ("ﾗｰ", "ﾒ", "ﾝ")),
        ("Tokyoは楽しい", ("Tokyo", "は", "楽", "し", "い")),
        ("2024年新作コーヒー", ("2024", "年", "新", "作", "コー", "ヒー")),
        ("フ\u3099ーム", ("\u30d6ー", "ム")),
        ("今日はdon't", ("今", "日", "は", "don't")),
        ("don’t don‘t don＇t", ("don’t", "don‘t", "don＇t")),
        ("می\u200cخواهم بروم", ("می\u200cخواهم", "بروم")),
        ("ខ្ញុំ\u200bទៅ", ("ខ្ញុំ", "ទៅ")),
        ("long\u3164ago", ("long", "ago")),
    ],
)
def test_words_of_scripts_that_part_them_in_their_own_ways(text, words):
    assert take_apart(text).words == words


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#fyp#viral#foryou hello", ("fyp", "viral", "foryou")),
        ("Have you learned#kungfu", ("kungfu",)),
        ("#می\u200cخواهم", ("می\u200cخواهم",)),
        ("#trucks😜 #السعودية🇸🇦 #🏳️\u200d🌈", ("trucks😜", "السعودية🇸🇦", "🏳️\u200d🌈")),
        ("it&#39;s", ()),
        ("#️⃣ # ##", ()),
        ("#ส้มตำ, #a-b #wow! ＃タグ", ("ส้มตำ", "a", "wow", "タグ")),
        ("\u200f#هاشتاق", ("هاشتاق",)),
        ("see https://x.org/#no", ()),
    ],
)
def test_a_hashtag_is_the_same_for_posts_and_for_features(text, tags):
    assert hashtags_in(text) == take_apart(text).hashtags == tags


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\u200e@bob", ("bob",)),
        ("hi @some.one. and ＠you, mail me@b.cd", ("some.one", "you")),
        ("https://www.tiktok.com/@no/video/1 @yes", ("yes",)),
        ("@cô.ba", ("cô.ba",)),
    ],
)
def test_a_mention_is_the_same_for_posts_and_for_features(text, names):
    assert mentions_in(text) == take_apart(text).mentions == names


@given(
    st.text(
        alphabet=st.sampled_from("#＃@＠&;.aあเ้_1 \u200b\u200c\u200d\u200e😂❤\ufe0f/:"), max_size=40
    )
)
@example("#a\u2060b @c\u2060d")
def test_posts_and_features_never_disagree_on_tags(text):
    caption = take_apart(text)
    assert hashtags_in(text) == caption.hashtags
    assert mentions_in(text) == caption.mentions


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\u200b" * 50 + "hi", "hi"),
        ("\u200f\u202b#هاشتاق\u202c", "#هاشتاق"),
        ("Hand\u00adtasche\ufeff", "Handtasche"),
        ("a\u200c\u200c\u200cb\u200d", "a\u200cb"),
        ("\u200d👨\u200d👩\u200d👧 ❤️", "👨\u200d👩\u200d👧 ❤️"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("क्\u200dष", None),
    ],
)
def test_what_has_no_ink_is_left_out_where_it_does_nothing(text, seen):
    assert take_apart(text).text == (text if seen is None else seen)


@pytest.mark.parametrize(
    "text",
    [
        "Hôm nay ăn gì? #xuhướng @bé.sóc",
        "안녕하세요 #추천",
        "ブーム #ガジェット",
        "schön #fürdich",
        "ज़रूर #क़लम",
    ],
)
def test_letters_and_their_marks_in_parts_are_the_same_caption(text):
    parts, whole = (unicodedata.normalize(form, text) for form in ("NFD", "NFC"))
    assert parts != whole or "ज" in text
    assert take_apart(parts) == take_apart(whole)
    assert hashtags_in(parts) == hashtags_in(whole) == take_apart(whole).hashtags


def test_marks_piled_on_one_letter_are_left_as_they_are():
    piled = "a" + "\u0301\u0323" * 2000
    assert take_apart(piled).text == piled
    assert hashtags_in("#" + piled) == (piled,)


@pytest.mark.parametrize(
    ("text", "links", "tags"),
    [
        ("レシピはhttps://x.jp/a?b=1#cこれ！#料理", ("https://x.jp/a?b=1#c",), ("料理",)),
        ("https://x.cn/a，打开＃标签", ("https://x.cn/a",), ("标签",)),
        ("look https://x.co/a👇👇", ("https://x.co/a",), ()),
        ("www.x.com/#no https://x.de/grün-é ok", ("www.x.com/#no", "https://x.de/grün-é"), ()),
    ],
)
def test_a_link_ends_where_other_writing_goes_on(text, links, tags):
    caption = take_apart(text)
    assert caption.links == links
    assert caption.hashtags == hashtags_in(text) == tags


def test_signs_in_other_dress_have_one_spelling():
    caption = take_apart("𝓗𝓮𝓵𝓵𝓸 ＡＢＣ don’t donʼt really‼ wait… ทำ ㅋㅋ")
    assert caption.normal == "Hello ABC don't don't really!! wait... ทำ ㅋㅋ"
    assert caption.plain.startswith("𝓗𝓮𝓵𝓵𝓸")


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
