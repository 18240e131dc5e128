/** Translated texts from the page, plurals, and dates in the reader's language and time zone. */

import { serverTime } from "./clock.js";
import { $, $$ } from "./dom.js";
import { Phrasebook } from "./logic/phrasebook.js";

let book = new Phrasebook("en", {});

export function find() {
  const words = JSON.parse($("#i18n")?.textContent || "{}");
  book = new Phrasebook(document.documentElement.lang || "en", words);
}

export const t = (key, values) => book.t(key, values);
/** A counted phrase in the right plural form: tn("unread", 5). */
export const tn = (key, count, values) => book.tn(key, count, values);

export const number = (value) => book.number(value);
export const clockTime = (date) => book.clockTime(date);
export const dateAtTime = (date) => book.dateAtTime(date, serverTime());
export const dayName = (date) => book.dayName(date, serverTime());

/** Localise a pushed piece of HTML, which was rendered once for everybody. */
export function localise(root) {
  for (const node of $$("[data-i18n]", root)) {
    if (book.has(node.dataset.i18n)) node.textContent = t(node.dataset.i18n);
  }
  for (const node of $$("time[datetime]", root)) {
    const date = new Date(node.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    node.textContent = clockTime(date);
    node.title = book.fullTime(date);
  }
}
