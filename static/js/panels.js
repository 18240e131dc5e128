/** The sidebar and the members as panels: the style sheet opens them by :target; focus follows here. */

import { $, $$ } from "./dom.js";
import { load, save } from "./storage.js";

const isPanelOpen = () => ["#sidebar", "#members"].includes(location.hash);
let opener = null;

/** Close the open panel. Says whether there was one. */
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

function rememberMembers() {
  const hide = $("#hide-members");
  if (!hide) return;
  hide.checked = load("hide-members", false);
  hide.addEventListener("change", () => save("hide-members", hide.checked || null));
}

export function start() {
  rememberMembers();
  for (const link of $$("[data-opens]")) link.addEventListener("click", () => (opener = link));
  for (const link of $$("[data-closes], .scrim")) {
    link.addEventListener("click", (event) => closeOpen() && event.preventDefault());
  }
  addEventListener("hashchange", onHash);
}
