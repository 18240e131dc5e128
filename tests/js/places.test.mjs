// The switcher: what is offered, each place once, the likeliest first.

import assert from "node:assert/strict";
import { test } from "node:test";

import { offer, placeOfChannel, placeOfPerson, withoutSign } from "../../static/js/logic/places.js";

const place = (name, more) => ({
  name,
  href: `/channels/${encodeURIComponent(name)}`,
  unread: 0,
  ...more,
});
const names = (places) => places.map(({ name }) => name);

test("names that begin with what was typed come before those that contain it", () => {
  assert.deepEqual(names(offer("an", [place("plan"), place("answers")], [])), ["answers", "plan"]);
});

test("of equals the unread one comes first and the one where one is comes last", () => {
  const here = [place("one", { isCurrent: true }), place("two"), place("three", { unread: 2 })];
  assert.deepEqual(names(offer("", here, [])), ["three", "two", "one"]);
});

test("case, width and the dots of ё do not matter", () => {
  assert.deepEqual(names(offer("ЕЖ", [place("Ёж")], [])), ["Ёж"]);
  assert.deepEqual(names(offer("ｎｅｗｓ", [place("News")], [])), ["News"]);
});

test("a place is offered once, however its address is written", () => {
  const here = [{ name: "Ёж", href: "/dm/Ёж", unread: 3 }];
  const more = [{ name: "Ёж", href: "/dm/%D0%81%D0%B6", unread: 0 }];
  assert.deepEqual(offer("", here, more), here);
});

test("what the server found is offered though its letters are of the other keyboard layout", () => {
  assert.deepEqual(names(offer("ghbdtn", [place("plan")], [place("привет")])), ["привет"]);
});

test("the sign before a name is not part of it", () => {
  assert.equal(withoutSign(" #general "), "general");
  assert.equal(withoutSign("@ann"), "ann");
});

test("a conversation of two leads to the other one, a greater one to its channel", () => {
  const two = { slug: "d1", title: "Bob", kind: "direct", people: ["ann", "bob"] };
  assert.deepEqual(placeOfChannel(two, 4, "ann"), {
    href: "/dm/Bob",
    name: "Bob",
    unread: 4,
    mark: undefined,
    person: "bob",
  });
  const three = { slug: "d2", title: "Bob, Cleo", kind: "direct", people: ["ann", "bob", "cleo"] };
  assert.equal(placeOfChannel(three, 0, "ann").href, "/channels/d2");
  assert.equal(placeOfChannel(three, 0, "ann").mark, "users");
});

test("notes to oneself lead to oneself", () => {
  const own = { slug: "d1", title: "Ann", kind: "direct", people: ["ann"] };
  assert.equal(placeOfChannel(own, 0, "ann").person, "ann");
});

test("a private channel has a lock, a public one the usual sign, a person an escaped address", () => {
  const channel = (kind) => placeOfChannel({ slug: "a b", title: "A b", kind }, 0, "ann");
  assert.equal(channel("private").mark, "lock");
  assert.equal(channel("public").mark, "hash");
  assert.equal(channel("public").href, "/channels/a%20b");
  assert.equal(placeOfPerson({ id: "x", nickname: "a/b" }).href, "/dm/a%2Fb");
});
