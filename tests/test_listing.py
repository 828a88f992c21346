from pathlib import Path

from virality.featurizers import FEATURIZERS
from virality.featurizers.listing import list_columns, write_page


def test_every_column_is_listed_once_and_embeddings_are_one_line():
    lines = list_columns()
    total = sum(len(featurizer.columns) for featurizer in FEATURIZERS.values())
    assert sum(line.dimensions for line in lines) == total
    assert len({line.column for line in lines}) == len(lines)
    embedding = [line for line in lines if line.featurizer == "text_embedding"]
    assert [line.block for line in embedding] == ["text_embedding__sentence"]
    assert embedding[0].dimensions == len(FEATURIZERS["text_embedding"].columns)


def test_the_page_in_docs_is_up_to_date():
    page = Path(__file__).resolve().parents[1] / "docs" / "features.md"
    assert page.read_text(encoding="utf-8") == write_page(), (
        "run `python -m virality.featurizers.listing > docs/features.md`"
    )
