/** The server's time: days are told by it, whatever this device believes the date to be. */

import { $ } from "./dom.js";

// How far the server's clock is ahead, to within the time that this page took to arrive.
let ahead = 0;

export function find() {
  const said = Date.parse($("main#channel")?.dataset.now || "");
  ahead = Number.isNaN(said) ? 0 : said - Date.now();
}

/** The server's time at a moment that this device's clock shows. */
export const serverTime = (at = Date.now()) => new Date(at + ahead);
