/** The status page of somebody who looks at it stays true: one small request every few seconds. */

import { $, $$, fragmentOf, sleep } from "./dom.js";

const EVERY_MS = 5000;

/** Put in only what has changed: a part that is being read or used is not torn away. */
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
  // A status region speaks when its text changes, not when another takes its place.
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

export async function start() {
  const hint = $("#live-hint");
  hint.textContent = hint.dataset.fresh;
  while (true) {
    await sleep(EVERY_MS);
    if (document.visibilityState !== "visible") continue;
    try {
      await look();
      hint.textContent = hint.dataset.fresh;
    } catch {
      hint.textContent = hint.dataset.stale;
    }
  }
}
