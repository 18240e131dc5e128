// The browser's storage: apart for each account, and never in the way when it fails.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Store } from "../../static/js/logic/store.js";
import { Shelf } from "./shelf.mjs";

const storeOf = (shelf, account = "ann") =>
  new Store(
    () => shelf,
    () => account,
  );

test("what one account keeps another one on the same browser does not see", () => {
  const shelf = new Shelf();
  storeOf(shelf, "ann").save("draft:1", "for Ann alone");
  assert.equal(storeOf(shelf, "bob").load("draft:1", ""), "");
  assert.deepEqual(storeOf(shelf, "bob").names("draft:"), []);
  assert.equal(storeOf(shelf, "ann").load("draft:1"), "for Ann alone");
});

test("an account whose id begins like another's is another account", () => {
  const shelf = new Shelf();
  storeOf(shelf, "ann2").save("draft:1", "x");
  assert.deepEqual(storeOf(shelf, "ann").names(""), []);
});

test("nothing and an empty text leave no entry behind", () => {
  const shelf = new Shelf();
  const store = storeOf(shelf);
  for (const nothing of [null, ""]) {
    store.save("draft:1", "words");
    assert.equal(store.save("draft:1", nothing), true);
    assert.deepEqual(Object.keys(shelf), []);
  }
});

test("a full storage says so and keeps what it had", () => {
  const store = storeOf(new Shelf(1));
  assert.equal(store.save("a", 1), true);
  assert.equal(store.save("b", 2), false);
  assert.equal(store.save("a", 3), true);
  assert.deepEqual(store.names(""), ["a"]);
});

test("a storage that may not be used finds nothing and keeps nothing", () => {
  const store = new Store(
    () => {
      throw new Error("SecurityError");
    },
    () => "ann",
  );
  assert.equal(store.load("a", "fallback"), "fallback");
  assert.equal(store.save("a", 1), false);
  assert.deepEqual(store.names(""), []);
});

test("an entry that is no JSON counts as missing", () => {
  const shelf = new Shelf();
  shelf.setItem("chat:ann:a", "{broken");
  assert.equal(storeOf(shelf).load("a", 7), 7);
});

test("another tab's change concerns the part and the account that it is about", () => {
  const store = storeOf(new Shelf());
  assert.equal(store.concerns("chat:ann:outbox:1:x", "outbox:"), true);
  assert.equal(store.concerns("chat:bob:outbox:1:x", "outbox:"), false);
  assert.equal(store.concerns("chat:ann:draft:1", "outbox:"), false);
  assert.equal(store.concerns(null, "outbox:"), true); // all of it was taken away
});
