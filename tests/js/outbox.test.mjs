// Nothing written is lost or doubled: not by a reload, a full storage, another tab or another account.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AckError, ApiError, isRefusal } from "../../static/js/logic/errors.js";
import { isPerson, Outbox, personOf, placeOf } from "../../static/js/logic/outbox.js";
import { Store } from "../../static/js/logic/store.js";
import { Shelf } from "./shelf.mjs";

const outboxOf = (shelf, account = "ann") =>
  new Outbox(
    new Store(
      () => shelf,
      () => account,
    ),
  );

const texts = (items) => items.map(({ text }) => text);

test("what was written waits in the order of writing", () => {
  const outbox = outboxOf(new Shelf());
  outbox.add("c1", "first", "z", 10);
  outbox.add("c1", "second", "y", 11);
  outbox.add("c1", "third", "x", 12);
  assert.deepEqual(texts(outbox.waiting("c1")), ["first", "second", "third"]);
});

test("what was written in one millisecond, or while the clock goes back, keeps its order", () => {
  const outbox = outboxOf(new Shelf());
  for (const [text, now] of [
    ["first", 10],
    ["second", 10],
    ["third", 3],
  ]) {
    outbox.add("c1", text, text, now);
  }
  assert.deepEqual(texts(outbox.waiting("c1")), ["first", "second", "third"]);
});

test("after a reload the same things wait, under the same ids", () => {
  const shelf = new Shelf();
  const before = outboxOf(shelf);
  before.add("c1", "first", "id-1", 10);
  before.refuse(before.add("c1", "second", "id-2", 11), "too long");
  const after = outboxOf(shelf);
  assert.deepEqual(after.waiting("c1"), before.waiting("c1"));
  assert.equal(after.next("c1").client_id, "id-1");
  assert.equal(after.waiting("c1")[1].reason, "too long");
});

test("another account on the same browser has none of it", () => {
  const shelf = new Shelf();
  outboxOf(shelf, "ann").add("c1", "Ann's", "id-1");
  assert.deepEqual(outboxOf(shelf, "bob").waiting("c1"), []);
  assert.deepEqual([...outboxOf(shelf, "bob").places()], []);
  assert.deepEqual(texts(outboxOf(shelf, "ann").waiting("c1")), ["Ann's"]);
});

test("each channel has its own, also where one id begins like another", () => {
  const outbox = outboxOf(new Shelf());
  outbox.add("c1", "here", "id-1");
  outbox.add("c12", "there", "id-2");
  assert.deepEqual(texts(outbox.waiting("c1")), ["here"]);
  assert.deepEqual([...outbox.places()].sort(), ["c1", "c12"]);
});

test("the same client id twice is one entry", () => {
  const outbox = outboxOf(new Shelf());
  outbox.add("c1", "once", "id-1");
  outbox.add("c1", "once", "id-1");
  assert.equal(outbox.waiting("c1").length, 1);
});

test("what was refused is not sent again by itself, and does not hold up what is behind it", () => {
  const outbox = outboxOf(new Shelf());
  const item = outbox.add("c1", "refused", "id-1", 1);
  outbox.add("c1", "next", "id-2", 2);
  const refused = outbox.refuse(item, "no");
  assert.equal(outbox.next("c1").text, "next");
  outbox.retry(refused);
  assert.equal(outbox.next("c1").text, "refused");
  assert.equal(outbox.next("c1").reason, "");
});

test("what was sent is gone, and dropping it twice does no harm", () => {
  const outbox = outboxOf(new Shelf());
  const item = outbox.add("c1", "sent", "id-1");
  outbox.drop(item);
  outbox.drop(item);
  assert.equal(outbox.has(item), false);
  assert.equal(outbox.next("c1"), undefined);
});

test("what another tab has sent is not sent by this one", () => {
  const shelf = new Shelf();
  const [one, other] = [outboxOf(shelf), outboxOf(shelf)];
  const item = one.add("c1", "sent", "id-1");
  assert.equal(other.has(item), true);
  one.drop(item);
  assert.equal(other.has(item), false);
});

test("where the storage is full it waits as long as the page lives", () => {
  const outbox = outboxOf(new Shelf(1));
  outbox.add("c1", "first", "id-1", 1);
  const second = outbox.add("c1", "second", "id-2", 2);
  assert.deepEqual(texts(outbox.waiting("c1")), ["first", "second"]);
  assert.equal(outbox.has(second), true);
  outbox.drop(second);
  assert.deepEqual(texts(outbox.waiting("c1")), ["first"]);
});

test("what found no room before is kept once there is room", () => {
  const shelf = new Shelf(1);
  const outbox = outboxOf(shelf);
  const first = outbox.add("c1", "first", "id-1", 1);
  const second = outbox.add("c1", "second", "id-2", 2);
  outbox.drop(first);
  outbox.refuse(second, "no");
  assert.deepEqual(texts(outboxOf(shelf).waiting("c1")), ["second"]);
  assert.equal(outbox.waiting("c1").length, 1);
});

test("the first words to a person move into the conversation, in a full storage as well", () => {
  for (const most of [2, 1]) {
    const outbox = outboxOf(new Shelf(most));
    outbox.add(placeOf("bob"), "hello", "id-1", 1);
    outbox.add(placeOf("bob"), "there", "id-2", 2);
    outbox.move(placeOf("bob"), "c9");
    assert.deepEqual(outbox.waiting(placeOf("bob")), []);
    assert.deepEqual(texts(outbox.waiting("c9")), ["hello", "there"]);
    assert.equal(outbox.waiting("c9")[0].client_id, "id-1");
  }
});

test("a place for a person is told from a channel, and names the person", () => {
  assert.equal(isPerson(placeOf("5f")), true);
  assert.equal(isPerson("5f"), false);
  assert.equal(personOf(placeOf("5f")), "5f");
});

test("what passes by itself is sent again, what will never be taken is not", () => {
  const ack = (error) => isRefusal(new AckError({ error }));
  assert.equal(ack("invalid"), true);
  assert.equal(ack("forbidden"), true);
  for (const error of ["throttled", "unavailable", "server", "unauthenticated"]) {
    assert.equal(ack(error), false, error);
  }
  const http = (status) => isRefusal(new ApiError(status, "detail"));
  for (const status of [403, 404, 413, 422]) assert.equal(http(status), true, String(status));
  for (const status of [0, 401, 429, 500, 503]) assert.equal(http(status), false, String(status));
});

test("no answer at all is no refusal", () => {
  assert.equal(isRefusal(new Error("operation has timed out")), false);
});
