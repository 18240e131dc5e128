/**
 * A link that somebody is about to follow is fetched ahead: once, and for a short time. What changes
 * meanwhile is caught up with like anything else.
 */

import { when } from "./bus.js";
import { fetchChannel } from "./fragment.js";
import { ENDS, isKept } from "./kept.js";
import { addressOf, isChannel } from "./logic/addresses.js";
import { Recent } from "./logic/recent.js";
import { CHANNEL_CHANGED, CHANNEL_REMOVED } from "./protocol.js";
import { room } from "./room.js";

const DWELL_MS = 80; // a mouse on its way to somewhere else is gone by then
const LIFE_MS = 15_000;
const MOST = 3;

const coming = new Recent(MOST, LIFE_MS);
let dwelling = 0;

/** Who pays for each byte, or waits for it, gets what they asked for and nothing else. */
function isCheap() {
  const { saveData = false, effectiveType = "" } = navigator.connection ?? {};
  return !saveData && !effectiveType.endsWith("2g");
}

function fetchAhead(address) {
  if (isCheap() && !isKept(address)) fetchOnce(address);
}

/** The channel at an address; what is on its way already, or has just come, is not asked for again. */
export function fetchOnce(address, stop) {
  const now = performance.now();
  if (coming.has(address, now)) return coming.get(address, now);
  const answer = fetchChannel(address, stop);
  coming.put(address, answer, now);
  answer.catch(() => coming.drop((one) => one === answer));
  return answer;
}

/** It is shown now. */
export function forget(address) {
  clearTimeout(dwelling);
  coming.take(address);
}

function onLink({ type, target, pointerType, button = 0 }) {
  clearTimeout(dwelling);
  const link = target.closest?.("a[href]");
  if (!link || !room || !isChannel(link, location.origin)) return;
  const address = addressOf(link);
  if (address === room.address || button > 0) return;
  if (type === "pointerdown") fetchAhead(address);
  else if (pointerType !== "touch") dwelling = setTimeout(fetchAhead, DWELL_MS, address);
}

export function start() {
  for (const name of ["pointerover", "pointerdown", "focusin"])
    document.addEventListener(name, onLink);
  for (const name of [...ENDS, CHANNEL_CHANGED, CHANNEL_REMOVED])
    when(name, () => coming.drop(() => true));
}
