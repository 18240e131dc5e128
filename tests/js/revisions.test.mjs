// Catching up: what was pushed, in whatever order, and how far an answer reaches.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newestOf, reachOf, Revisions } from "../../static/js/logic/revisions.js";

function after(rev, ...pushed) {
  const held = new Revisions(rev);
  for (const number of pushed) held.pushed(number);
  return held;
}

test("changes in order are held without a hole", () => {
  const held = after(4, 5, 6, 7);
  assert.equal(held.rev, 7);
  assert.equal(held.hasHole, false);
});

test("a change whose predecessor is missing is not counted as held", () => {
  const held = after(4, 6);
  assert.equal(held.rev, 4);
  assert.equal(held.hasHole, true);
});

test("two changes that overtook each other leave no hole", () => {
  const held = after(4, 6, 5);
  assert.equal(held.rev, 6);
  assert.equal(held.hasHole, false);
});

test("a hole in the middle stays until it is filled, whatever comes behind it", () => {
  const held = after(4, 8, 6, 9, 5);
  assert.equal(held.rev, 6);
  assert.equal(held.hasHole, true);
  held.pushed(7);
  assert.equal(held.rev, 9);
  assert.equal(held.hasHole, false);
});

test("the same change twice, or an old one, changes nothing", () => {
  const held = after(4, 5, 5, 2, 4);
  assert.equal(held.rev, 5);
  assert.equal(held.hasHole, false);
});

test("a push without a number changes nothing", () => {
  const held = after(4, undefined, 0);
  assert.equal(held.rev, 4);
  assert.equal(held.hasHole, false);
});

test("every order of the same pushes ends at the same number", () => {
  const orders = (rest) =>
    rest.length < 2
      ? [rest]
      : rest.flatMap((one) => orders(rest.filter((x) => x !== one)).map((more) => [one, ...more]));
  for (const order of orders([5, 6, 7, 8, 9])) {
    const held = after(4, ...order);
    assert.equal(held.rev, 9, order.join());
    assert.equal(held.hasHole, false, order.join());
  }
});

test("an answer fills the holes below it and keeps those above it", () => {
  const held = after(4, 6, 9);
  held.reached(7);
  assert.equal(held.rev, 7);
  assert.equal(held.hasHole, true);
  held.reached(8);
  assert.equal(held.rev, 9);
  assert.equal(held.hasHole, false);
});

test("an answer that is older than what is held takes nothing back", () => {
  const held = after(4, 5);
  held.reached(3);
  assert.equal(held.rev, 5);
});

test("after a rewind the next change in order is missing again", () => {
  const held = after(4, 5, 6, 7);
  held.rewind(5);
  held.pushed(8);
  assert.equal(held.rev, 5);
  assert.equal(held.hasHole, true);
});

const answer = (revs, more, rev) => ({
  messages: revs.map((one) => ({ message: { rev: one } })),
  more,
  rev,
});

test("an answer with more to come reaches as far as its newest message, not as its own number", () => {
  assert.equal(reachOf(answer([5, 9, 7], true, 20)), 9);
});

test("a whole answer reaches to the server's own number", () => {
  assert.equal(reachOf(answer([5, 9, 7], false, 20)), 20);
  assert.equal(reachOf(answer([], false, 12)), 12);
});

test("an answer of a server that names no number reaches as far as its messages", () => {
  assert.equal(reachOf(answer([5], false, null)), 5);
  assert.equal(reachOf(answer([], false, undefined)), 0);
});

test("messages without a number count as none", () => {
  assert.equal(newestOf([{}, { rev: null }, { rev: 3 }]), 3);
  assert.equal(newestOf([]), 0);
});
