// How a list reads: days, the line above what is new, groups and holes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { continues, isOutside, linesAbove } from "../../static/js/logic/timeline.js";

const at = (hour, minute = 0, day = 3) => new Date(2026, 4, day, hour, minute);
const message = (seq, created, author = "ann") => ({ seq, created, author });

test("the first message of a list stands below its day", () => {
  assert.deepEqual(linesAbove(message(1, at(9)), undefined, null), [["day", "2026-05-03"]]);
});

test("a day has one line, and the next day another", () => {
  assert.deepEqual(linesAbove(message(2, at(10)), message(1, at(9)), null), []);
  const midnight = linesAbove(message(2, at(0, 0, 4)), message(1, at(23, 59)), null);
  assert.deepEqual(midnight, [["day", "2026-05-04"]]);
});

test("the line above what is new stands below the day", () => {
  const lines = linesAbove(message(2, at(1, 0, 4)), message(1, at(9)), 2);
  assert.deepEqual(lines, [
    ["day", "2026-05-04"],
    ["new-line", ""],
  ]);
});

test("a message that has no number yet never has the line above it", () => {
  assert.deepEqual(linesAbove(message(Infinity, at(9)), message(1, at(9)), null), []);
});

test("messages of one author within five minutes are a group", () => {
  assert.equal(continues(message(2, at(9, 5)), message(1, at(9))), true);
  assert.equal(continues(message(2, at(9, 6)), message(1, at(9))), false);
  assert.equal(continues(message(2, at(9, 1), "bob"), message(1, at(9))), false);
  assert.equal(continues(message(2, at(9)), undefined), false);
});

test("a number beyond a page that goes on is outside, one within it is not", () => {
  const shown = { first: 10, last: 20, hasOlder: true, hasNewer: true };
  assert.equal(isOutside(9, shown), true);
  assert.equal(isOutside(21, shown), true);
  assert.equal(isOutside(15, shown), false);
});

test("where the list ends nothing is outside", () => {
  const shown = { first: 10, last: 20, hasOlder: false, hasNewer: false };
  assert.equal(isOutside(9, shown), false);
  assert.equal(isOutside(21, shown), false);
  assert.equal(isOutside(undefined, { ...shown, hasOlder: true, hasNewer: true }), false);
});
