/** The server's time. Day separators use it, because the clock of the device may be wrong. */

import { $ } from "./dom.js";

// The difference to the server's clock, with an error of at most the time that the page took.
let ahead = 0;

/** The server has just said what time it is. */
export function hear(iso) {
  const said = Date.parse(iso || "");
  ahead = Number.isNaN(said) ? 0 : said - Date.now();
}

export function find() {
  hear($("main#channel")?.dataset.now);
}

/** The server's time at a moment that this device's clock shows. */
export const serverTime = (at = Date.now()) => new Date(at + ahead);
