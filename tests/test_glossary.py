"""The words that pages explain: alike in Python and JavaScript, all of them in README or docs."""

from __future__ import annotations

import json
import re

import pytest
from dash import html

from reactcnn_dash.pages.glossary import GLOSSARY, explained
from tests.test_cli import ROOT
from tools import node

SCRIPT = (ROOT / "reactcnn_dash/assets/base/terms.mjs").as_uri()
TEXTS = (
    "GAP",
    "Its GAP is larger (r = 0.86).",
    "Strangeness, ARI 0.5, ARI again; R² ≥ τ",
    "spatial r and Spatial r, r\u00a0>\u00a00.9",
    "gaps, carpet, for, years, CPMs, GAP-like, deviations",
    "",
)


def marked(text: str) -> list[tuple[str, str | None]]:
    """The parts of a text with the terms that they are."""
    return [
        (one, None) if isinstance(one, str) else (one.children, vars(one)["data-term"])
        for one in explained(text)
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_keeps_its_words_and_each_term_is_explained_once(text: str) -> None:
    parts = marked(text)
    assert "".join(words for words, _ in parts) == text
    terms = [term for _, term in parts if term]
    assert len(terms) == len(set(terms))
    assert set(terms) <= set(GLOSSARY)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        (TEXTS[1], ["GAP", "r"]),
        (TEXTS[2], ["strangeness", "ARI", "R²", "τ"]),
        (TEXTS[3], ["spatial r", "r"]),
        (TEXTS[4], []),
    ],
)
def test_terms_are_found_and_nothing_that_only_looks_like_one(text: str, terms: list[str]) -> None:
    assert [term for _, term in marked(text) if term] == terms


def test_javascript_finds_the_same_terms() -> None:
    script = f"""
    globalThis.document = {{
      createElement: () => ({{
        words: "", term: "",
        setAttribute(name, value) {{ if (name === "data-term") this.term = value; }},
        append(words) {{ this.words += words; }},
      }}),
    }};
    const {{ explained }} = await import("{SCRIPT}");
    const texts = {list(TEXTS)!r};
    console.log(JSON.stringify(texts.map((text) => explained(text).map((part) =>
      typeof part === "string" ? [part, null] : [part.words, part.term]))));
    """
    ran = node.run("node", "--input-type=module", "--eval", script)
    assert ran.returncode == 0, ran.stderr
    found = [[tuple(part) for part in parts] for parts in json.loads(ran.stdout)]
    assert found == [marked(text) for text in TEXTS]


def test_readme_and_docs_tell_each_concept_whole() -> None:
    places = (ROOT / "README.md", ROOT / "docs/concepts.md", ROOT / "docs/comparing.md")
    text = "".join(one.read_text(encoding="utf-8") for one in places)
    words = re.sub(r"[*`]", "", text).lower()
    # A sign stands there in its formula.
    names = {"R²": "r^2", "CKA": "centred kernel alignment"}
    missing = [one for one in GLOSSARY if names.get(one, one).lower() not in words]
    assert missing == []


def test_a_term_is_a_button() -> None:
    (term,) = explained("GAP")
    assert isinstance(term, html.Button)
