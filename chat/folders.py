"""The folders of the product's files that are not Python: docs, static, translations."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS, STATIC, TRANSLATIONS = ROOT / "docs", ROOT / "static", ROOT / "translations"
