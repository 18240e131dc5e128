"""Where the files of the product lie that are not Python."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS, STATIC, TRANSLATIONS = ROOT / "docs", ROOT / "static", ROOT / "translations"
