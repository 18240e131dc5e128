// Unread counts: the server's word, and what is counted on until the next one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { shownCount, UnreadCounts } from "../../static/js/logic/unread.js";

test("a push that the server's word counted already is not counted again", () => {
  const counts = new UnreadCounts();
  counts.told("c1", 12);
  assert.equal(counts.pushed("c1", 12), false);
  assert.equal(counts.coming("c1"), 0);
});

test("pushes after the server's word are counted on, each channel by itself", () => {
  const counts = new UnreadCounts();
  counts.told("c1", 12);
  counts.pushed("c1", 13);
  counts.pushed("c1", 14);
  counts.pushed("c2", 1);
  assert.equal(counts.coming("c1"), 2);
  assert.equal(counts.coming("c2"), 1);
});

test("the next word of the server ends the counting on", () => {
  const counts = new UnreadCounts();
  counts.pushed("c1", 13);
  assert.equal(counts.told("c1", 13), true);
  assert.equal(counts.coming("c1"), 0);
});

test("an older word of the server is not believed, and what was counted on stays", () => {
  const counts = new UnreadCounts();
  counts.told("c1", 12);
  counts.pushed("c1", 13);
  assert.equal(counts.told("c1", 11), false);
  assert.equal(counts.told("c1", 0), false); // asked for before the channel's first message
  assert.equal(counts.coming("c1"), 1);
});

test("a word that names no number is believed and moves no mark", () => {
  const counts = new UnreadCounts();
  counts.told("c1", 12);
  assert.equal(counts.told("c1", undefined), true);
  assert.equal(counts.pushed("c1", 12), false);
});

test("a count with more than two digits is shown as 99+", () => {
  assert.deepEqual([0, 7, 99, 100, 5000].map(shownCount), ["0", "7", "99", "99+", "99+"]);
});
