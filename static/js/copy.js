/** Copies links and reports it, also to screen readers. */

import { $, $$ } from "./dom.js";
import { t } from "./i18n.js";
import { list } from "./messages.js";
import { room } from "./room.js";
import { toast } from "./toast.js";

// The clipboard API exists only in secure contexts; on plain http the old command still works.
function copyOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  return isDone;
}

async function copy(text) {
  const focused = document.activeElement;
  let isDone;
  try {
    await navigator.clipboard.writeText(text);
    isDone = true;
  } catch {
    isDone = copyOldWay(text);
    focused?.focus({ preventScroll: true });
  }
  toast(t(isDone ? "copied" : "copy_failed"), isDone ? "info" : "error");
}

function linkTo(row) {
  const { id, seq } = row.dataset;
  const path =
    room.kind === "direct"
      ? `/messages/${id}`
      : `/channels/${encodeURIComponent(room.slug)}/m/${seq}`;
  return location.origin + path;
}

function bind(root, signal) {
  for (const button of $$("[data-copy]", root)) {
    button.hidden = false;
    button.addEventListener("click", () => copy($(button.dataset.copy).value), { signal });
  }
  for (const field of $$("[data-select-all]", root))
    field.addEventListener("focus", () => field.select(), { signal });
}

function onClick(event) {
  const button = event.target.closest("[data-action=copy-link]");
  if (!button) return;
  event.preventDefault();
  copy(linkTo(button.closest(".message")));
}

export function start() {
  if (!room) bind(document);
}

export function enter(signal) {
  bind(room.main, signal);
  list.addEventListener("click", onClick, { signal });
}
