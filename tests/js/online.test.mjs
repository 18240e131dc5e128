// Presence: numbered changes in any order, lists asked for meanwhile, and what nobody can know.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hasNamesEnough, OnlineSet, peopleToName } from "../../static/js/logic/online.js";
import { PEOPLE_NAMED } from "../../static/js/protocol.js";

const came = (seq, ...online) => ({ seq, online, offline: [] });
const went = (seq, ...offline) => ({ seq, online: [], offline });
const greeting = (more) => ({
  greeting: true,
  known: true,
  missed: false,
  online: [],
  offline: [],
  ...more,
});
const sorted = (set) => set.people.sort();

test("changes in order are shown as they come", () => {
  const set = new OnlineSet(["ann"], 4);
  const outcome = set.told(came(5, "bob"));
  assert.deepEqual(outcome.people, ["bob"]);
  assert.equal(outcome.isListChanged, true);
  set.told(went(6, "ann"));
  assert.deepEqual(sorted(set), ["bob"]);
  assert.equal(set.upTo, 6);
});

test("a change whose predecessor is missing waits for it, and then both are shown", () => {
  const set = new OnlineSet(["ann"], 4);
  const early = set.told(went(6, "bob"));
  assert.deepEqual(early.people, []);
  assert.equal(set.hasGap, true);
  const late = set.told(came(5, "bob"));
  assert.deepEqual(late.people, ["bob", "bob"]);
  assert.deepEqual(sorted(set), ["ann"]); // came, then went: not the other way round
  assert.equal(set.hasGap, false);
});

test("an old change, or the same one twice, changes nothing", () => {
  const set = new OnlineSet(["ann"], 4);
  set.told(came(5, "bob"));
  for (const old of [went(5, "bob"), went(3, "ann")]) {
    assert.deepEqual(set.told(old).people, []);
  }
  assert.deepEqual(sorted(set), ["ann", "bob"]);
  assert.equal(set.hasGap, false);
});

test("a list asked for before a change that came meanwhile does not undo it", () => {
  const set = new OnlineSet(["ann"], 4);
  const asked = set.asking();
  set.told(came(5, "bob"));
  set.told(came(7, "dan")); // 6 is on its way
  set.listed(["ann", "bob"], asked);
  assert.deepEqual(sorted(set), ["ann", "bob"]);
  assert.equal(set.upTo, 5);
  set.told(came(6, "cleo"));
  assert.deepEqual(sorted(set), ["ann", "bob", "cleo", "dan"]);
});

test("a list closes the gap for which it was asked", () => {
  const set = new OnlineSet(["ann"], 4);
  set.told(came(7, "dan"));
  set.listed(["bob", "dan"], set.asking());
  assert.equal(set.hasGap, false);
  assert.equal(set.upTo, 7);
  assert.deepEqual(sorted(set), ["bob", "dan"]);
});

test("a greeting tells what changed since the page was drawn", () => {
  const set = new OnlineSet(["ann"], 4);
  const outcome = set.told(greeting({ seq: 6, online: ["bob"], offline: ["ann"] }));
  assert.deepEqual(sorted(set), ["bob"]);
  assert.equal(set.upTo, 6);
  assert.equal(outcome.isAll, true);
  assert.equal(outcome.ask, false);
});

test("a greeting that is older than what is known changes nobody", () => {
  const set = new OnlineSet(["ann"], 9);
  set.told(greeting({ seq: 6, offline: ["ann"] }));
  assert.deepEqual(sorted(set), ["ann"]);
  assert.equal(set.upTo, 9);
});

test("who missed more than can be told asks for the list at once", () => {
  const set = new OnlineSet(["ann"], 4);
  const outcome = set.told(greeting({ seq: 900, missed: true, online: ["bob"] }));
  assert.equal(outcome.ask, "now");
  assert.deepEqual(sorted(set), ["ann"]);
});

test("where the server cannot know of everybody, nobody is called offline", () => {
  const set = new OnlineSet(["ann"], 4);
  const outcome = set.told(greeting({ seq: 0, known: false }));
  assert.equal(outcome.ask, "now");
  assert.equal(set.stateOf("ann"), "unknown");
  set.listed(["bob"], set.asking()); // those connected to this process
  assert.equal(set.stateOf("bob"), "online");
  assert.equal(set.stateOf("ann"), "unknown");
  assert.equal(set.isWhole, false);
});

test("a change without a number from a process that knows its own people only forgets the others", () => {
  const set = new OnlineSet(["ann"], 4);
  set.told({ online: ["bob"], offline: [], known: false });
  assert.equal(set.stateOf("ann"), "unknown");
  assert.equal(set.stateOf("bob"), "online");
  set.told({ online: ["cleo"], offline: [], known: false });
  assert.equal(set.stateOf("bob"), "online"); // forgotten once, not with each word
});

test("in reduced mode nobody is offline until the whole list has come", () => {
  const set = new OnlineSet(["ann"], 4);
  assert.equal(set.modeIs("degraded").isAll, true);
  assert.equal(set.stateOf("ann"), "unknown");
  assert.equal(set.modeIs("normal").ask, "soon");
  assert.equal(set.stateOf("ann"), "unknown");
  set.listed(["bob"], set.asking());
  assert.equal(set.stateOf("ann"), "offline");
});

test("an answer to what was asked in another mode is not believed", () => {
  const set = new OnlineSet(["ann"], 4);
  const asked = set.asking();
  set.modeIs("degraded");
  const outcome = set.listed(["ann", "bob"], asked);
  assert.equal(outcome.ask, "soon");
  assert.deepEqual(set.people, []);
});

test("a restart of the server is no reason to forget anybody", () => {
  const set = new OnlineSet(["ann"], 4);
  const outcome = set.modeIs("restarting");
  assert.equal(outcome.ask, false);
  assert.equal(set.stateOf("ann"), "online");
});

test("of a crowd, who is not named is unknown and counted, and never called offline", () => {
  const set = new OnlineSet(["ann"], 4, 2);
  assert.equal(set.stateOf("bob"), "unknown");
  set.told(went(5, "bob")); // one of the two
  assert.deepEqual([set.stateOf("bob"), set.more], ["offline", 1]);
  set.told(came(6, "cleo")); // was offline before
  assert.deepEqual([set.stateOf("cleo"), set.more], ["online", 1]);
  set.told(went(7, "cleo"));
  assert.deepEqual([set.stateOf("cleo"), set.more], ["offline", 1]);
  set.told(went(8, "dan"));
  assert.equal(set.stateOf("eve"), "unknown"); // however few are counted
});

test("of a crowd, what a page shows of a person is known", () => {
  const set = new OnlineSet(["ann"], 4, 2);
  set.seen("bob", "online");
  set.seen("cleo", "offline");
  set.seen("dan", "unknown");
  assert.deepEqual(["bob", "cleo", "dan"].map(set.stateOf, set), ["online", "offline", "unknown"]);
  assert.equal(set.more, 1);
  set.seen("ann", "offline"); // an older page
  assert.equal(set.stateOf("ann"), "online");
});

test("where all are named, a page says nothing new of who is not", () => {
  const set = new OnlineSet(["ann"], 4);
  set.seen("bob", "online");
  assert.equal(set.stateOf("bob"), "offline");
});

test("of a crowd, a greeting that names an unknown person has the list asked for", () => {
  const set = new OnlineSet(["ann"], 4, 2);
  assert.equal(set.told(greeting({ seq: 5, offline: ["ann"] })).ask, false);
  assert.equal(set.told(greeting({ seq: 7, online: ["bob"] })).ask, "soon");
  assert.equal(set.stateOf("bob"), "online");
});

test("a list ends the doubt about a crowd, or begins it", () => {
  const set = new OnlineSet(["ann"], 4, 2);
  set.listed(["ann", "bob"], set.asking(), 0);
  assert.deepEqual([set.stateOf("cleo"), set.more], ["offline", 0]);
  set.listed(["ann", "bob"], set.asking(), 7);
  assert.deepEqual([set.stateOf("cleo"), set.more], ["unknown", 7]);
});

test("the sidebar names people by name, and no more than there is room for", () => {
  const ids = Array.from({ length: PEOPLE_NAMED + 5 }, (_, number) => `id-${number}`);
  const names = new Map(ids.map((id, number) => [id, `name ${String(999 - number)}`]));
  const named = peopleToName([...ids, "stranger"], names);
  assert.equal(named.length, PEOPLE_NAMED);
  assert.equal(named[0], ids.at(-1));
  assert.equal(named.includes("stranger"), false);
});

test("names are asked for while fewer than half the places can be filled", () => {
  const names = new Map([["ann", "Ann"]]);
  assert.equal(hasNamesEnough(["ann"], names), true);
  assert.equal(hasNamesEnough(["ann", "bob"], names), false);
  assert.equal(hasNamesEnough([], names), true);
});
