// What is kept for later: at most so many, the newest, and not for ever.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Recent } from "../../static/js/logic/recent.js";

test("what was put there longest ago makes way", () => {
  const recent = new Recent(2);
  for (const name of ["a", "b", "a", "c"]) recent.put(name, name.toUpperCase());
  assert.equal(recent.get("a"), "A");
  assert.equal(recent.get("b"), undefined);
  assert.equal(recent.get("c"), "C");
});

test("what is taken is there no longer", () => {
  const recent = new Recent(2);
  recent.put("a", 1);
  assert.equal(recent.take("a"), 1);
  assert.equal(recent.take("a"), undefined);
});

test("after its life a thing is there no longer", () => {
  const recent = new Recent(2, 100);
  recent.put("a", 1, 1000);
  assert.equal(recent.has("a", 1099), true);
  assert.equal(recent.get("a", 1099), 1);
  assert.equal(recent.has("a", 1100), false);
  assert.equal(recent.take("a", 1100), undefined);
});

test("what is over is thrown away, wherever it lies", () => {
  const recent = new Recent(3);
  for (const number of [1, 2, 3]) recent.put(`n${number}`, number);
  recent.drop((number) => number % 2);
  assert.deepEqual(
    ["n1", "n2", "n3"].map((key) => recent.get(key)),
    [undefined, 2, undefined],
  );
});
