"""Search in Chinese, which writes no spaces between words: text and query are cut into pairs of characters.

Sphinx would cut the text into words with jieba, unmaintained since 2020, and the query not at all: a reader who types
two words without a space would find nothing. Pairs need no dictionary, and are the same on both sides.
"""

from __future__ import annotations

import re
from typing import Any

import snowballstemmer
from sphinx.application import Sphinx
from sphinx.search.zh import SearchChinese

# The CJK ideographs of Unicode's basic plane.
IDEOGRAPHS = "[\u3400-\u4dbf\u4e00-\u9fff]+"
RUN = re.compile(IDEOGRAPHS)
# The same in the browser, but single characters only where nothing stands beside them.
SPLITTER = """
function splitQuery(query) {
  const terms = [];
  for (const [run] of query.matchAll(/IDEOGRAPHS|[a-zA-Z0-9_]+/g)) {
    if (run.length < 3 || /\\w/.test(run)) terms.push(run);
    else for (let i = 0; i + 1 < run.length; i++) terms.push(run.slice(i, i + 2));
  }
  return terms;
}
""".replace("IDEOGRAPHS", IDEOGRAPHS)


class PairSearch(SearchChinese):
    """Index single characters and pairs of neighbours, besides Latin words."""

    js_splitter_code = SPLITTER

    def init(self, options: dict[str, str]) -> None:
        """Take the stemmer that the browser has."""
        self.stemmer = snowballstemmer.stemmer("porter")

    def split(self, input: str) -> list[str]:
        """Return the terms of a text."""
        latin = self.latin1_letters.findall(input)
        self.latin_terms.extend(latin)
        runs = RUN.findall(input)
        return [
            *latin,
            *"".join(runs),
            *(run[i : i + 2] for run in runs for i in range(len(run) - 1)),
        ]

    def word_filter(self, stemmed_word: str) -> bool:
        """Tell whether a term is worth an entry: Latin words of one letter are not."""
        return len(stemmed_word) > 1 or RUN.match(stemmed_word) is not None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_search_language(PairSearch)
    return {
        "version": "1",
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
