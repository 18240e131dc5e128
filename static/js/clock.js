/** The server's time: days are told by it, whatever this device believes the date to be. */

import { $ } from "./dom.js";

// How far the server's clock is ahead, to within the time that this page took to arrive.
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
