/** A short message at the edge of the page, announced by screen readers. */

import { $, el } from "./dom.js";

const SHOWN_MS = 5000;

export function toast(text, kind = "info") {
  const place = $("#toasts");
  if (!place) return;
  const note = el("p", { class: `toast toast-${kind}`, text });
  place.append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}
