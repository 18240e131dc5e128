/** The sidebar and the members as panels. The style sheet opens them by :target; this moves the focus. */

import { $ } from "./dom.js";
import { load, save } from "./storage.js";

export const isPanelOpen = () => ["#sidebar", "#members"].includes(location.hash);
let opener = null;

/** Close the open panel. True if there was one. */
export function closeOpen() {
  if (!isPanelOpen()) return false;
  // Back, when we came from this page: the panel leaves no trace in the history.
  if (opener) history.back();
  else location.hash = "#channel";
  return true;
}

function onHash() {
  if (isPanelOpen())
    $(`${location.hash} a, ${location.hash} button`)?.focus({ preventScroll: true });
  else if (opener) {
    opener.focus({ preventScroll: true });
    opener = null;
  }
}

function onClick(event) {
  const opens = event.target.closest("[data-opens]");
  if (opens) opener = opens;
  else if (event.target.closest("[data-closes], .scrim") && closeOpen()) event.preventDefault();
}

export function start() {
  document.addEventListener("click", onClick);
  addEventListener("hashchange", onHash);
}

/** Remember whether the list of members is open. */
export function enter(signal) {
  opener = null;
  const hide = $("#hide-members");
  hide.checked = load("hide-members", false);
  hide.addEventListener("change", () => save("hide-members", hide.checked || null), { signal });
}
