/**
 * Keeps an open status page up to date: a small request when the server reports a change, and every
 * few seconds for the figures.
 */

import { when } from "./bus.js";
import { $, $$, fragmentOf } from "./dom.js";
import { STATUS_CHANGED, STATUS_WATCH } from "./protocol.js";
import { ask, isConnected } from "./socket.js";

const EVERY_MS = 5000;

/** Replace only changed parts, so that the focus and the selection in others stay. */
function put(html) {
  const fresh = fragmentOf(html);
  for (const part of $$("[id^=live-]", fresh)) {
    const shown = document.getElementById(part.id);
    if (!shown) $("#live").append(part);
    else if (shown.outerHTML !== part.outerHTML) exchange(shown, part);
  }
}

function exchange(shown, part) {
  const focused = shown.contains(document.activeElement) ? document.activeElement.id : "";
  // Screen readers announce a changed text in a status region, not a new region.
  const says = $("[role=status]", shown);
  const said = $("[role=status]", part);
  for (const name of part.getAttributeNames()) shown.setAttribute(name, part.getAttribute(name));
  if (says && said) {
    if (says.textContent !== said.textContent) says.textContent = said.textContent;
    said.replaceWith(says);
  }
  shown.replaceChildren(...part.childNodes);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function look() {
  const answer = await fetch("/admin/status/now", {
    headers: { Accept: "text/html" },
    signal: AbortSignal.timeout(15_000),
  });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  put(await answer.text());
}

let isDue = false; // something has changed since the last look began
let hurry = () => {};

function changed() {
  isDue = true;
  hurry();
}

function pause() {
  return new Promise((done) => {
    hurry = done;
    setTimeout(done, isDue ? 0 : EVERY_MS);
  });
}

/** Subscribe to changes, and fetch once what changed before. */
async function watch() {
  try {
    await ask(STATUS_WATCH, {});
    changed();
  } catch {
    // Ignored: the page is updated every few seconds anyway.
  }
}

export async function start() {
  const hint = $("#live-hint");
  hint.textContent = hint.dataset.fresh;
  when(STATUS_CHANGED, changed);
  when("connected", watch);
  if (isConnected()) watch();
  document.addEventListener("visibilitychange", changed);
  while (true) {
    await pause();
    if (document.visibilityState !== "visible") {
      isDue = false; // it is looked at again as soon as it is seen
      continue;
    }
    try {
      isDue = false;
      await look();
      hint.textContent = hint.dataset.fresh;
    } catch {
      hint.textContent = hint.dataset.stale;
    }
  }
}
