"""tools/translation.py and the two extensions of the Chinese edition: catalogues, search terms, the rule for plurals."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from babel.messages.catalog import Catalog

from .conftest import ROOT

FIRST = "A picture of 28 × 28 pixels is a list of 784 numbers."
EDITED = "A picture of 28 × 28 pixels is a list of 784 numbers in rows."
SECOND = "Pooling gives up resolution step by step."


def template(*messages):
    made = Catalog()
    for i, message in enumerate(messages):
        made.add(message, locations=[("book/lenet.ipynb", i)])
    return made


@pytest.fixture
def catalogue(translation, tmp_path):
    """The path of a catalogue with two messages, the first translated."""
    path = tmp_path / "book" / "lenet.po"
    assert translation.merge(path, template(FIRST, SECOND))
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(f'msgid "{FIRST}"\nmsgstr ""', f'msgid "{FIRST}"\nmsgstr "一"'), encoding="utf-8"
    )
    assert "一" in path.read_text(encoding="utf-8")
    return path


def test_a_catalogue_without_a_change_stays_the_same_bytes(translation, catalogue):
    before = catalogue.read_bytes()
    assert not translation.merge(catalogue, template(FIRST, SECOND))
    assert catalogue.read_bytes() == before
    # Places move with every edit, dates with every run.
    assert not re.search(rb"^#:|Date|Generated|\d{4}-\d{2}-\d{2}", before, re.MULTILINE)


def test_an_edited_message_keeps_its_translation_as_a_proposal(translation, catalogue):
    assert translation.merge(catalogue, template(EDITED, SECOND))
    message = translation.read(catalogue).get(EDITED)
    assert message.string == "一"
    assert message.fuzzy
    assert translation.read(catalogue).get(FIRST) is None


def test_the_translation_of_a_message_that_is_gone_is_kept(translation, catalogue):
    assert translation.merge(catalogue, template(SECOND))
    text = catalogue.read_text(encoding="utf-8")
    assert f'#~ msgid "{FIRST}"\n#~ msgstr "一"' in text
    # One that nobody has translated is not.
    assert translation.merge(catalogue, template(FIRST))
    text = catalogue.read_text(encoding="utf-8")
    assert SECOND not in text
    assert translation.read(catalogue).get(FIRST).string == "一"


def test_docstrings_are_left_out(translation):
    made = template(FIRST)
    made.add("Give the device.", locations=[("../d2lcnn/data/device.py:docstring", 1), ("of", 1)])
    assert [message.id for message in translation.words_of_pages(made) if message.id] == [FIRST]


def test_the_chinese_settings_are_the_english_ones_but_for_what_differs(translation, tmp_path):
    """All that the second configuration changes, so that one more setting in _config.yml needs no second place."""
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    translation.merge(
        tmp_path / translation.CATALOGUES / translation.FRAME, translation.frame_template(tmp_path)
    )
    config, toc = translation.chinese_settings(tmp_path)
    english = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert toc == yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert config["sphinx"]["config"].pop("language") == "zh_CN"
    assert english["sphinx"]["config"].pop("language") == "en"
    folder = tmp_path / translation.CHINESE
    found = {
        name: (folder / path).resolve() for name, path in config["sphinx"].pop("local_extensions").items()
    }
    assert found == {
        name: tmp_path / path for name, path in english["sphinx"].pop("local_extensions").items()
    }
    assert config == english


def test_a_doubtful_translation_of_a_caption_is_not_used(translation, tmp_path):
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    frame = tmp_path / translation.CATALOGUES / translation.FRAME
    translation.merge(frame, translation.frame_template(tmp_path))
    caption = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"][0]["caption"]
    text = frame.read_text(encoding="utf-8")
    done = text.replace(f'msgid "{caption}"\nmsgstr ""', f'msgid "{caption}"\nmsgstr "一"')
    assert done != text
    frame.write_text(done, encoding="utf-8")
    assert translation.chinese_settings(tmp_path)[1]["parts"][0]["caption"] == "一"
    frame.write_text(done.replace(f'msgid "{caption}"', f'#, fuzzy\nmsgid "{caption}"'), encoding="utf-8")
    assert translation.chinese_settings(tmp_path)[1]["parts"][0]["caption"] == caption


def test_the_committed_catalogues_are_of_pages_and_without_dates(translation):
    listed = subprocess.run(["git", "ls-files", "locale"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout")
    files = listed.stdout.split()
    assert files
    for name in files:
        assert name.endswith(".po"), f"{name}: only what translators edit is committed"
        read = translation.read(ROOT / name)
        assert len(read) > 0
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not translation.CHANGING.search(text), f"{name} changes with each run: run `make translation`"
        page = name.removeprefix(f"{translation.CATALOGUES.as_posix()}/").removesuffix(".po")
        sources = [ROOT / f"{page}{suffix}" for suffix in (".md", ".ipynb")]
        assert page == "frame" or any(path.is_file() for path in sources), (
            f"{name}: its page is gone, delete it"
        )
    assert sum((ROOT / name).stat().st_size for name in files) < 4_000_000


@pytest.fixture(scope="module")
def search(extension):
    return extension("chinese_search").PairSearch({})


def test_text_is_cut_into_characters_and_pairs(search):
    assert search.split("卷积核 and 3 feature_maps") == [
        "and",
        "3",
        "feature_maps",
        *"卷积核",
        "卷积",
        "积核",
    ]
    # No pair reaches over a sign or a space.
    assert "积网" not in search.split("卷积，网络 卷积 网络")
    assert search.word_filter("核")
    assert not search.word_filter("x")


def test_the_stemmer_is_the_browser_s(search):
    # The two differ by this word: Porter's first stemmer, which the pages run, and his second.
    assert search.stem("generally") == "gener"


def test_the_rule_for_plurals_becomes_code(extension):
    as_code = extension("plural_rule").as_code
    call = 'Documentation.addTranslations({"locale": "zh", "messages": {"a": "b"}, "plural_expr": "n != 1"});'
    assert as_code(call).splitlines()[-2:] == [
        "Documentation.PLURAL_EXPR = (n) => Number(n != 1);",
        'Documentation.LOCALE = "zh";',
    ]
    assert as_code(as_code(call)) == as_code(
        call
    )  # a build that changes nothing finds what the last one made
    with pytest.raises(ValueError, match=r"must be arithmetic of n, got 'alert\(1\)'"):
        as_code(call.replace("n != 1", "alert(1)"))
    with pytest.raises(ValueError, match=r"one call of Documentation\.addTranslations, got 'alert"):
        as_code("alert(1)")


def test_a_book_gets_its_links_with_the_chinese_pages_and_loses_them_with_these(tmp_path):
    """One build after the other in the same folder: those that change nothing else mend pages that are there."""
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_extensions')!r})\n"
        "extensions = ['sphinx_book_theme', 'editions']\nhtml_theme = 'sphinx_book_theme'\nlanguage = 'en'\n"
    )
    (source / "index.rst").write_text("A page\n======\n\nText.\n")
    chinese = site / "zh" / "index.html"
    found = []
    for there in (False, True, False):
        if there:
            chinese.parent.mkdir()
            chinese.write_text("<p>")
        else:
            chinese.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", source, site], check=True)
        found.append('hreflang="zh-CN"' in (site / "index.html").read_text(encoding="utf-8"))
    assert found == [False, True, False]
