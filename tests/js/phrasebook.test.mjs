// Words, plurals and days in the reader's language.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hue, initials } from "../../static/js/logic/avatar.js";
import { dayKey, dayOf, Phrasebook } from "../../static/js/logic/phrasebook.js";

const RUSSIAN = {
  one: "{count} сообщение",
  few: "{count} сообщения",
  many: "{count} сообщений",
  other: "{count} сообщения",
};
const english = new Phrasebook("en", {
  today: "Today",
  yesterday: "Yesterday",
  typing: "{name} is typing…",
  date_at_time: "{date} at {time}",
});

test("a counted phrase takes the plural form of the language", () => {
  const { tn } = new Phrasebook("ru", { unread: RUSSIAN });
  const said = [1, 2, 5, 21].map((count) => tn("unread", count));
  assert.deepEqual(said, ["1 сообщение", "2 сообщения", "5 сообщений", "21 сообщение"]);
});

test("values go into their places, and what has no value stays to be seen", () => {
  assert.equal(english.t("typing", { name: "Ann" }), "Ann is typing…");
  assert.equal(english.t("typing"), "{name} is typing…");
  assert.equal(english.t("typing", { name: "{name}" }), "{name} is typing…");
});

test("a key without words is shown as it is", () => {
  assert.equal(english.t("⌘"), "⌘");
  assert.equal(english.tn("unread", 3), "unread");
});

test("a name that reads from right to left does not turn the sentence round", () => {
  assert.equal(english.t("typing", { name: "דנה" }), "\u2068דנה\u2069 is typing…");
});

const noon = (year, month, day) => new Date(year, month - 1, day, 12);

test("today and yesterday have names, also across the turn of a year", () => {
  assert.equal(english.dayName(noon(2026, 1, 1), noon(2026, 1, 1)), "Today");
  assert.equal(english.dayName(noon(2025, 12, 31), noon(2026, 1, 1)), "Yesterday");
});

test("other days are named with the year only if it is another one", () => {
  assert.equal(english.dayName(noon(2026, 5, 3), noon(2026, 7, 1)), "Sunday, May 3");
  assert.equal(english.dayName(noon(2025, 5, 3), noon(2026, 7, 1)), "May 3, 2025");
  assert.match(english.dateAtTime(noon(2026, 5, 3), noon(2026, 7, 1)), /^May 3 at 12:00/);
});

test("a day's key leads back to the same day", () => {
  assert.equal(dayKey(new Date(2026, 0, 9, 23, 59)), "2026-01-09");
  assert.equal(dayKey(dayOf("2026-01-09")), "2026-01-09");
});

test("initials are the first letters of two words, whole characters each", () => {
  assert.equal(initials("ann lee-smith"), "AL");
  assert.equal(initials("ann_lee.x"), "AL");
  assert.equal(initials("𝒳avier"), "𝒳");
  assert.equal(initials("..."), "?");
});

test("neighbours in time have colours far apart", () => {
  const [one, next] = [hue("0".repeat(24)), hue("0".repeat(23) + "1")];
  assert.equal(one, "hue-0");
  assert.notEqual(one, next);
});
